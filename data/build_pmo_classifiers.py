"""Write the classifiers of PMO as plain arrays: `python data/build_pmo_classifiers.py OUT [WHEEL]`.

Downloads the registry wheel `molscore` 1.9.5 (70 MB) with pip unless a copy is given, checks its sha256, and converts
three of its pickles without running anything of them. `molgan data fetch pmo-classifiers` does the same for the cache.
"""

import argparse
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from safetensors import safe_open

from molgan.data.downloads import DATA
from molgan.data.pmo_classifiers import NAME


def main() -> None:
    """Write the file, and print its arrays and its checksum."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("wheel", type=Path, nargs="?")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DISCRETEGAN_DATA"] = folder
        shutil.copyfile(DATA.fetch(NAME, given.wheel), given.out)
    with safe_open(given.out, "numpy") as file:
        for name in sorted(file.keys()):
            array = file.get_tensor(name)
            print(f"{name}: {array.dtype} {array.shape}")
    print(f"{given.out}: sha256 {hashlib.sha256(given.out.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
