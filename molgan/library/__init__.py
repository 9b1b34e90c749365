"""Candidate libraries and pictures of molecules."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from molgan.library.collect import Draws as Draws
    from molgan.library.collect import Library as Library
    from molgan.library.collect import collect as collect

__getattr__ = lazy(
    {
        "collect": "molgan.library.collect",
        "Draws": "molgan.library.collect",
        "Library": "molgan.library.collect",
    }
)
