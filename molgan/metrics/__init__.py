"""Metrics of a list of SMILES: validity, novelty, the published suites, memorisation. No model is needed."""

from gancore.statistics.evaluation import Evaluation
from molgan.metrics.elements import composition
from molgan.metrics.evaluation import evaluate
from molgan.metrics.groups import GROUPS
from molgan.metrics.monitor import monitor_metrics

__all__ = ["GROUPS", "Evaluation", "composition", "evaluate", "monitor_metrics"]
