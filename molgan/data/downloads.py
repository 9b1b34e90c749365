"""What can be fetched: MOSES and PMO's classifiers from the package registry, ZINC-250k from where it was published.

QM9 is at hand.
"""

import gzip
import shutil
import zipfile
from pathlib import Path

from gancore.io.downloads import AtHand, Source, Sources
from gancore.io.tables import rows
from molgan.data import pmo_classifiers
from molgan.data.dataset import embedded
from molgan.data.inputs import FORM

MOSES_FILES = (
    *("train.csv.gz", "test.csv.gz", "test_scaffolds.csv.gz"),
    *("test_stats.npz", "test_scaffolds_stats.npz"),
)
"""What the folder of MOSES holds."""


def _moses(archive: Path, folder: Path) -> None:
    """Train, test and test_scaffolds as .csv.gz, and the published statistics of the latter two as they are."""
    with zipfile.ZipFile(archive) as wheel:
        for file in MOSES_FILES:
            with wheel.open(f"moses/dataset/data/{file}") as packed, open(folder / file, "wb") as out:
                shutil.copyfileobj(packed, out)


def _zinc(archive: Path, folder: Path) -> None:
    with gzip.open(folder / "zinc.smi.gz", "wt", encoding="utf-8") as out:
        out.writelines(f"{text}\n" for _, text in rows(archive, FORM, "smiles", kind=".csv") if text)


DATA = Sources(
    "molgan",
    {
        "moses": Source(
            "molsets==0.3.1",
            "7f4450e3ebecebe79c3a2a55950c93daddee071120daf64a163d03481e811d34",
            _moses,
            "",
            "1,936,962 lead-like molecules in train, test and scaffold test (Polykovskiy et al. 2020, MIT)",
            "train.csv.gz",
            "test.csv.gz",
        ),
        "zinc": Source(
            "https://raw.githubusercontent.com/aspuru-guzik-group/chemical_vae/master/models/zinc_properties/"
            "250k_rndm_zinc_drugs_clean_3.csv",
            "35e3f1a52b1badc0697e373d73a18ad773f415936ff992f4c6baa2e067b3e6ae",
            _zinc,
            "zinc.smi.gz",
            "249,455 drug-like molecules of ZINC (Gómez-Bombarelli et al. 2018)",
        ),
        pmo_classifiers.NAME: Source(
            pmo_classifiers.ARCHIVE,
            pmo_classifiers.SHA256,
            pmo_classifiers.convert,
            pmo_classifiers.FILE,
            "for the scores drd2, gsk3b and jnk3, no molecules (Olivecrona et al. 2017, Li et al. 2018, MIT)",
        ),
    },
    {"qm9": AtHand(embedded("qm9"), "130,744 molecules of at most 9 heavy atoms (Ramakrishnan et al. 2014)")},
)
"""What `molgan data fetch` can fetch."""
