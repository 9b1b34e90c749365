"""How good a list of SMILES is: validity, uniqueness, novelty, composition. Any list, no model needed."""

from gancore.statistics import Evaluation
from molgan.metrics.evaluation import composition, evaluate
from molgan.metrics.glance import glance

__all__ = ["Evaluation", "composition", "evaluate", "glance"]
