"""Molecules as graphs: train a GAN, sample candidate libraries, score and judge them.

`MolGAN`, `Config`, `Policy`, `collect`, `evaluate`, `compare` and `report` are the front door; importing the package
alone loads neither torch nor RDKit.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molgan.comparison import compare
    from molgan.config import Config
    from molgan.gan import MolGAN
    from molgan.identity import Policy
    from molgan.library import collect
    from molgan.metrics import evaluate
    from molgan.reporting import report

__all__ = ["Config", "MolGAN", "Policy", "collect", "compare", "evaluate", "report"]

_HOME = {
    "Config": "molgan.config",
    "MolGAN": "molgan.gan",
    "Policy": "molgan.identity",
    "collect": "molgan.library",
    "compare": "molgan.comparison",
    "evaluate": "molgan.metrics",
    "report": "molgan.reporting",
}


def __getattr__(name: str):
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'molgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
