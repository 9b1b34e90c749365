"""Molecules from files, frames and lists, and data sets to fetch."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from molgan.data.dataset import MoleculeDataset as MoleculeDataset
    from molgan.data.dataset import as_dataset as as_dataset
    from molgan.data.dataset import batches as batches
    from molgan.data.dataset import embedded as embedded
    from molgan.data.downloads import DATA as DATA
    from molgan.data.inputs import as_rows as as_rows
    from molgan.data.inputs import read_rows as read_rows

__getattr__ = lazy(
    {
        "MoleculeDataset": "molgan.data.dataset",
        "as_dataset": "molgan.data.dataset",
        "batches": "molgan.data.dataset",
        "embedded": "molgan.data.dataset",
        "as_rows": "molgan.data.inputs",
        "read_rows": "molgan.data.inputs",
        "DATA": "molgan.data.downloads",
    }
)
