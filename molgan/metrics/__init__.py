"""How good a list of SMILES is: validity, uniqueness, novelty, composition. Any list, no model needed."""

from molgan.metrics.evaluation import Evaluation, composition, evaluate

__all__ = ["Evaluation", "composition", "evaluate"]
