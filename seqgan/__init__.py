"""Token sequences: train a text GAN on lines, SMILES or SELFIES, sample it, judge what it says.

`SeqGAN`, `Config` and `evaluate` are the front door; importing the package alone does not load torch.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqgan.config import Config
    from seqgan.evaluation import evaluate
    from seqgan.gan import SeqGAN

__all__ = ["Config", "SeqGAN", "evaluate"]

_HOME = {"Config": "seqgan.config", "SeqGAN": "seqgan.gan", "evaluate": "seqgan.evaluation"}


def __getattr__(name: str):
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'seqgan' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
