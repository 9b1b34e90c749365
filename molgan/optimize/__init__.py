"""Look for molecules with high scores in few calls of an expensive function: `molgan.optimize(score, budget)`.

The module can be called: it is `optimize`. `Optimizer` asks for molecules and is told their scores.
"""

import sys
from inspect import signature
from types import ModuleType
from typing import Any

from molgan.optimize.analogues import analogues
from molgan.optimize.found import Optimized
from molgan.optimize.leads import improve
from molgan.optimize.optimizer import Optimizer
from molgan.optimize.run import optimize
from molgan.optimize.settings import (
    DiversityConfig,
    GeneticConfig,
    LearnerConfig,
    OptimizeConfig,
    RealismConfig,
    SurrogateConfig,
)

__all__ = [
    "DiversityConfig",
    "GeneticConfig",
    "LearnerConfig",
    "OptimizeConfig",
    "Optimized",
    "Optimizer",
    "RealismConfig",
    "SurrogateConfig",
    "analogues",
    "improve",
    "optimize",
]


class _Callable(ModuleType):
    """The package as the function of its name, so that `molgan.optimize(...)` works however it was imported."""

    def __call__(self, *args: Any, **settings: Any) -> Optimized:
        return optimize(*args, **settings)


_this = sys.modules[__name__]
_this.__class__ = _Callable
_this.__doc__ = optimize.__doc__
_this.__signature__ = signature(optimize)  # pyright: ignore  # what help and documentation show
