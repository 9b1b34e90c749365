"""Molecules as graphs: train a GAN, sample candidate libraries, score and judge them.

`MolGAN`, `PromptedModel`, `Config`, `Policy`, `Fragments`, `SampleRequest`, `optimize`, `Optimizer`, `collect`,
`library`, `evaluate`, `compare`, `anomalies`, `isomers` and `report` are the front door; importing the package alone
loads neither torch nor RDKit.
"""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy
from gancore.io.moved_modules import alias

if TYPE_CHECKING:
    from molgan.chemistry.fragments import Fragments
    from molgan.chemistry.identity import Policy
    from molgan.chemistry.isomers import isomers
    from molgan.gan import MolGAN
    from molgan.library.build import library
    from molgan.library.collect import collect
    from molgan.metrics import evaluate
    from molgan.optimize import Optimizer
    from molgan.optimize.run import optimize
    from molgan.prompted import PromptedModel
    from molgan.recipes.config import Config
    from molgan.recipes.sample_request import SampleRequest
    from molgan.reporting.anomalies import anomalies
    from molgan.reporting.comparison import compare
    from molgan.reporting.page import report

__all__ = [
    "Config",
    "Fragments",
    "MolGAN",
    "Optimizer",
    "Policy",
    "PromptedModel",
    "SampleRequest",
    "anomalies",
    "collect",
    "compare",
    "evaluate",
    "isomers",
    "library",
    "optimize",
    "report",
]

_HOME = {
    "Config": "molgan.recipes.config",
    "Fragments": "molgan.chemistry.fragments",
    "MolGAN": "molgan.gan",
    "Optimizer": "molgan.optimize",
    "Policy": "molgan.chemistry.identity",
    "PromptedModel": "molgan.prompted",
    "SampleRequest": "molgan.recipes.sample_request",
    "anomalies": "molgan.reporting.anomalies",
    "collect": "molgan.library.collect",
    "compare": "molgan.reporting.comparison",
    "evaluate": "molgan.metrics",
    "optimize": "molgan.optimize",
    "isomers": "molgan.chemistry.isomers",
    "library": "molgan.library",
    "report": "molgan.reporting.page",
}


_MOVED = {
    "config": "recipes.config",
    "cache": "scoring.cache",
    "charts": "gancore.reporting.charts",
    "chem": "chemistry",
    "comparison": "reporting.comparison",
    "demo": "reporting.demo",
    "describe": "scoring.description",
    "desirability": "scoring.desirability",
    "diversity": "scoring.diversity",
    "drawing": "library.drawing",
    "environments": "networks.fingerprint_critic",
    "fetch": "data.downloads",
    "filters": "scoring.filters",
    "graphs": "data.graphs",
    "growing": "networks.autoregressive",
    "identity": "chemistry.identity",
    "inputs": "data.inputs",
    "keys": "scoring.cache_keys",
    "metrics.glance": "metrics.monitor",
    "models": "networks.one_shot",
    "motif_names": "chemistry.motif_names",
    "motifs": "chemistry.motifs",
    "objectives": "scoring.benchmarks",
    "packaged": "data.package_data",
    "parallel": "chemistry.parallel",
    "plots": "library.plots",
    "plugins": "scoring.plugins",
    "properties": "scoring.properties",
    "recipes.graph_gan": "recipes.one_shot",
    "recipes.growing": "recipes.autoregressive",
    "recipes.steering": "recipes.reward_shaping",
    "reporting.charts": "gancore.reporting.charts",
    "rings": "networks.ring_features",
    "sampling": "networks.sampling",
    "score": "scoring.definition",
    "substructures": "chemistry.substructures",
}
alias(__name__, _MOVED)

__getattr__ = lazy(_HOME)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
