"""Candidate libraries: `molgan.library(model, n, folder)`; pictures; what was asked for by fragments.

The module can be called: it is `molgan.library.build.library`.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from molgan.library.build import library
    from molgan.library.query import LibraryFolder
    from molgan.library.settings import LibraryConfig

__all__ = ["LibraryConfig", "LibraryFolder", "library"]

__getattr__ = lazy(
    {
        "LibraryConfig": "molgan.library.settings",
        "LibraryFolder": "molgan.library.query",
        "library": "molgan.library.build",
    }
)


class _Callable(ModuleType):
    """The package as the function of its name, which is imported with the first call."""

    def __call__(self, *args: Any, **settings: Any) -> "LibraryFolder":
        return __getattr__("library")(*args, **settings)

    # What help and documentation show:

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        return signature(__getattr__("library"))

    @property
    def __doc__(self) -> str | None:  # pyright: ignore
        return __getattr__("library").__doc__


sys.modules[__name__].__class__ = _Callable
