"""Properties, desirability, scores, and the scorer that asks for them."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from molgan.scoring.benchmarks import SCORES as SCORES
    from molgan.scoring.benchmarks import load_score as load_score
    from molgan.scoring.definition import Component as Component
    from molgan.scoring.definition import ScoreConfig as ScoreConfig
    from molgan.scoring.scorer import Scorer as Scorer
    from molgan.scoring.scorer import property_frame as property_frame
    from molgan.scoring.scorer import score_frame as score_frame

__getattr__ = lazy(
    {
        "Scorer": "molgan.scoring.scorer",
        "score_frame": "molgan.scoring.scorer",
        "property_frame": "molgan.scoring.scorer",
        "ScoreConfig": "molgan.scoring.definition",
        "Component": "molgan.scoring.definition",
        "SCORES": "molgan.scoring.benchmarks",
        "load_score": "molgan.scoring.benchmarks",
    }
)
