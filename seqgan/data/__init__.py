"""Corpora: from files, to fetch, from a grammar."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from seqgan.data.corpus import Corpus as Corpus
    from seqgan.data.corpus import batches as batches
    from seqgan.data.corpus import read_lines as read_lines
    from seqgan.data.downloads import CORPORA as CORPORA
    from seqgan.data.grammar import Grammar as Grammar

__getattr__ = lazy(
    {
        "Corpus": "seqgan.data.corpus",
        "batches": "seqgan.data.corpus",
        "read_lines": "seqgan.data.corpus",
        "CORPORA": "seqgan.data.downloads",
        "Grammar": "seqgan.data.grammar",
    }
)
