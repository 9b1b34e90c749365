"""One command, one table: `python -m benchmarks`."""

import platform

from benchmarks import chemistry, overhead, scoring, text, training


def main() -> None:
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")
    print(f"{'':52}{'ours':>10}{'peer':>10}{'peer/ours':>11}")
    for suite in (chemistry, scoring, training, text, overhead):
        for what, ours, peer, ratio in suite.rows():
            print(f"{what:52}{ours:10.3g}{peer:10.3g}{ratio:11.3g}")


if __name__ == "__main__":
    main()
