"""Strings that nobody should send, and processes that are killed: `python -m benchmarks.hostile [--strings 50000]`.

No crash, nothing that runs past the time limit, a score or a reason for each; then 20,000 molecules while worker
processes are killed with SIGKILL every two seconds: 20,000 scores, equal to those of an undisturbed run.
"""

import argparse
import random
import threading
import time
from collections import Counter

import numpy as np

from gancore.io.process_pool import usable_processes
from molgan.chemistry.parallel import pool
from molgan.data.dataset import embedded, read_rows
from molgan.scoring.scorer import Scorer

_LETTERS = "CNOPSFIBrcnops()[]=#@+-/\\%0123456789.:*~$&!,;xXyYzZ{}|<>^?\"' \t"


def hostile(number: int, seed: int = 0) -> list[str]:
    """Random bytes, deep nesting, long chains, SMARTS, reactions, unicode, valence nonsense, molecules spoilt."""
    chance = random.Random(seed)
    whole = [text for _, text in read_rows(embedded()) if text][::50]

    def spoilt() -> str:
        text = list(chance.choice(whole))
        for _ in range(chance.randint(1, 4)):
            text.insert(chance.randrange(len(text) + 1), chance.choice(_LETTERS))
        return "".join(text)

    size = 300
    kinds = [
        lambda: bytes(chance.randrange(256) for _ in range(chance.randint(1, 200))).decode("latin-1"),
        lambda: "".join(chance.choice(_LETTERS) for _ in range(chance.randint(1, 120))),
        lambda: "C(" * (depth := chance.randint(1, size)) + "C" + ")" * depth,
        lambda: "C" * chance.randint(1, 4 * size),
        lambda: "".join(f"C%{ring}" for ring in range(10, 10 + chance.randint(1, 89))) * 2,
        lambda: chance.choice(["[#6;!R]~[$(C=O)]", "[C,N;X3]", "[*:1]>>[*:1]O", "CC>>CO", "C.C>O>CC", "[R2][R2]"]),
        lambda: "".join(chr(chance.randrange(0x20, 0x2FFF)) for _ in range(chance.randint(1, 40))),
        lambda: "C(" + "(C)" * chance.randint(4, 20) + ")",
        lambda: (
            "[" + chance.choice(["U", "Fe", "C", "Og", "H"]) + chance.choice(["+99", "-9", "H99", "@@@", "999"]) + "]"
        ),
        lambda: "".join(f"[U]%{ring}" for ring in range(10, 10 + chance.randint(2, 30))) * 2,
        lambda: "c1" + "c" * chance.randint(1, size) + "1",
        lambda: "C1" + "CC2" * chance.randint(1, 40) + "1",
        lambda: ".".join("[Na+]" for _ in range(chance.randint(1, size))),
        spoilt,
    ]
    long = ["C" * 10_000, "C" * 100_000, "C(" * 4_999 + "C", "(" * 10_000, "[" * 10_000, "\0" * 100, "C\0C", "\n", ""]
    return long + [chance.choice(kinds)() for _ in range(number - len(long))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--strings", type=int, default=50_000)
    parser.add_argument("--molecules", type=int, default=20_000)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between kills")
    settings = parser.parse_args()

    start = time.monotonic()
    frame = Scorer("druglike").frame(hostile(settings.strings))
    without = frame["reason"][frame["score"].isna()]
    print(f"{len(frame):,} strings in {time.monotonic() - start:,.0f} s: {int(frame['score'].notna().sum()):,} scores")
    print(f"{int((without == '').sum())} without score and reason")
    for reason, count in Counter(without).most_common(12):
        print(f"{count:8,} x {reason}")

    smiles = [text for _, text in read_rows(embedded()) if text][: settings.molecules]
    expected = Scorer("druglike").values(smiles)
    workers = list(pool(usable_processes())._idle)  # each starts another process when it has lost its own
    done = threading.Event()
    killed = 0

    def kill() -> None:
        nonlocal killed
        while not done.wait(settings.every):
            living = [worker.process for worker in workers if worker.begun and worker.process is not None]
            if living:  # one that is only starting has nothing to lose
                random.choice(living).kill()
                killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    scored = Scorer("druglike").values(smiles)
    done.set()
    killer.join()
    wrong = int((~((scored == expected) | (np.isnan(scored) & np.isnan(expected))).all(1)).sum())
    print(f"{len(scored):,} molecules, {killed} processes killed: {wrong} wrong")


if __name__ == "__main__":
    main()
