"""One command, one table: `python -m benchmarks [--short]`; ours and the peer's are timed in this run."""

import argparse
import platform

from benchmarks import chemistry, overhead, scoring, text, training

SUITES = (chemistry, scoring, training, text, overhead)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    short = parser.parse_args().short
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{'':60}{'ours':>10}{'peer':>10}{'peer/ours':>11}")
    for suite in SUITES:
        for what, ours, peer, ratio in suite.rows(short=short):
            print(f"{what:60}{ours:10.3g}{peer:10.3g}{ratio:11.3g}", flush=True)


if __name__ == "__main__":
    main()
