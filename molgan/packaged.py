"""Files that come with the package."""

from pathlib import Path


def packaged(file: str) -> Path:
    """Path of a data file of the package: in a wheel, or in a checkout."""
    here = Path(__file__).parent
    in_wheel = here / "embedded" / file
    return in_wheel if in_wheel.is_file() else here.parent / "data" / file
