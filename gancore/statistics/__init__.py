"""Intervals, Fréchet distance, precision and recall."""

from typing import TYPE_CHECKING

from gancore.io.import_object import lazy

if TYPE_CHECKING:
    from gancore.statistics.evaluation import Comparison as Comparison
    from gancore.statistics.evaluation import Evaluation as Evaluation
    from gancore.statistics.intervals import Estimate as Estimate
    from gancore.statistics.intervals import half_sample_interval as half_sample_interval
    from gancore.statistics.intervals import mean_interval as mean_interval
    from gancore.statistics.intervals import wilson_interval as wilson_interval

__getattr__ = lazy(
    {
        "Estimate": "gancore.statistics.intervals",
        "half_sample_interval": "gancore.statistics.intervals",
        "mean_interval": "gancore.statistics.intervals",
        "wilson_interval": "gancore.statistics.intervals",
        "Evaluation": "gancore.statistics.evaluation",
        "Comparison": "gancore.statistics.evaluation",
    }
)
