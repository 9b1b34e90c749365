"""A run of a library that is killed again and again: `python kills.py FOLDER KILLS N`; prints how often it was.

Each run is a fork of a process that has imported everything, so that kills come while it works.
"""

import os
import random
import signal
import sys
import time

import samplers

from molgan.library.build import library
from molgan.library.settings import LibraryConfig

CONFIG = LibraryConfig(n=400, where="qed > 0.4 and logp < 3", draws=50, workers=1)


def attempt(folder, n):
    child = os.fork()
    if not child:
        try:
            library(samplers.slow, n, folder, config=CONFIG, quiet=True)
        except BaseException as error:
            print(error, flush=True)
            os._exit(1)
        os._exit(0)
    return child


def main(folder, kills, n):
    chosen, killed = random.Random(kills), 0
    while killed < kills:
        child = attempt(folder, n)
        time.sleep(chosen.uniform(0.0, 0.6))
        os.kill(child, signal.SIGKILL)
        if os.waitpid(child, 0)[1] != signal.SIGKILL:
            break  # it was done, or failed, before
        killed += 1
    _, status = os.waitpid(attempt(folder, n), 0)
    print(killed)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
