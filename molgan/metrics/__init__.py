"""How good a list of SMILES is: validity, novelty, the published suites, memorisation. Any list, no model needed."""

from gancore.statistics import Evaluation
from molgan.metrics.evaluation import GROUPS, composition, evaluate
from molgan.metrics.glance import glance

__all__ = ["GROUPS", "Evaluation", "composition", "evaluate", "glance"]
