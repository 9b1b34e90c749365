"""Scores of sequences: properties of proteins and peptides, as a reward."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from seqgan.scoring.properties import PROPERTIES as PROPERTIES
    from seqgan.scoring.proteins import ProteinScore as ProteinScore

__getattr__ = lazy({"PROPERTIES": "seqgan.scoring.properties", "ProteinScore": "seqgan.scoring.proteins"})
