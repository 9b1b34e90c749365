"""Old names of modules that moved: they are importable for one release, with a warning."""

import importlib
import sys
import warnings
from collections.abc import Mapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Alias(Loader):
    """Gives the module that stands at the new name."""

    def __init__(self, new: str):
        self.new = new
        self.spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        warnings.warn(f"{spec.name} is now {self.new}; the old name goes with the next release.", FutureWarning, 2)
        module = importlib.import_module(self.new)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # the import of the old name has put its own there


class _Moved(MetaPathFinder):
    def __init__(self, moved: Mapping[str, str]):
        self.moved = moved

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, _Alias(self.moved[name])) if name in self.moved else None


def alias(package: str, moved: Mapping[str, str]) -> None:
    """Have the modules of a package found under their old names too, all relative to the package.

    moved: old name -> new name; one that begins with `gancore.` is absolute.
    """
    there = {old: new if new.startswith("gancore.") else f"{package}.{new}" for old, new in moved.items()}
    sys.meta_path.append(_Moved({f"{package}.{old}": new for old, new in there.items()}))
