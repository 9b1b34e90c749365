"""Token sequences: train a text GAN on lines, SMILES or SELFIES, sample it, judge what it says.

`SeqGAN`, `Config`, `evaluate`, `report` and `anomalies` are the front door; importing the package alone does not load
torch.
"""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy
from gancore.io.moved_modules import alias

if TYPE_CHECKING:
    from seqgan.gan import SeqGAN
    from seqgan.metrics.anomalies import anomalies
    from seqgan.metrics.evaluation import evaluate
    from seqgan.recipes.config import Config
    from seqgan.reporting.page import report

__all__ = ["Config", "SeqGAN", "anomalies", "evaluate", "report"]

_HOME = {
    "Config": "seqgan.recipes.config",
    "SeqGAN": "seqgan.gan",
    "anomalies": "seqgan.metrics.anomalies",
    "evaluate": "seqgan.metrics.evaluation",
    "report": "seqgan.reporting.page",
}


_MOVED = {
    "config": "recipes.config",
    "critics": "networks.critics",
    "decoding": "networks.decoding",
    "evaluation": "metrics.evaluation",
    "fetch": "data.downloads",
    "generator": "networks.generator",
    "glance": "metrics.monitor",
    "grammar": "data.grammar",
    "likelihood": "networks.likelihood",
    "oracle": "metrics.oracle",
    "plots": "metrics.plots",
    "plugins": "recipes.external_reward",
    "readable": "text.readable",
    "rollout": "networks.rollout",
    "sequences": "text.alphabet",
    "tokens": "text.splitting",
    "trunks": "networks.architectures",
    "utf8": "text.utf8",
}
alias(__name__, _MOVED)

__getattr__ = lazy(_HOME)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
