"""Files that come with the package."""

from pathlib import Path


def packaged(file: str) -> Path:
    """Path of a data file of the package: in a wheel, or in a checkout."""
    package = Path(__file__).parents[1]
    in_wheel = package / "bundled" / "data" / file
    return in_wheel if in_wheel.is_file() else package.parent / "data" / file
