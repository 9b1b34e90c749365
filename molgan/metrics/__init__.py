"""How good a list of SMILES is: validity, novelty, the published suites, memorisation. Any list, no model needed."""

from gancore.statistics.evaluation import Evaluation
from molgan.metrics.evaluation import GROUPS, composition, evaluate
from molgan.metrics.monitor import monitor_metrics

__all__ = ["GROUPS", "Evaluation", "composition", "evaluate", "monitor_metrics"]
