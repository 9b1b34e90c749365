"""The command line of the sequence half, which says that it is not built yet."""

import sys


def main() -> None:
    """Say so, and exit with 1."""
    print("seqgan: the sequence half is not built yet; this version holds molgan alone.", file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
