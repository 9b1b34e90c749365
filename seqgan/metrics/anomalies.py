"""Lines that a trained model finds unlike its training data."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gancore.facade.anomaly_table import SAMPLES, read_anomalies
from seqgan.data.corpus import FORM
from seqgan.data.downloads import CORPORA

if TYPE_CHECKING:
    import pandas as pd

    from gancore.facade.model import Model

anomaly_table = partial(read_anomalies, form=FORM, items="lines", files=CORPORA.files)
"""`anomalies` as it was read, an `AnomalyTable` to write and to print."""


def anomalies(
    source: Any,
    model: "str | Path | Model",
    by: str = "",
    reference: Any = None,
    column: str = "",
    samples: int = SAMPLES,
    seed: int = 0,
) -> "pd.DataFrame":
    """Score how unlike its training data a model finds each line of a file, a frame or a list.

    model: a trained model, its folder, or the name of a bundled one. by: `likelihood` (nats a token) or `critic` (a
    logit); "" for the first that the model offers. Higher is more anomalous. A token that the vocabulary lacks counts
    as its unknown token. reference: lines among which percentiles are given, such as held_out.txt of the run; None for
    samples of the model; of either at most `samples`, at random.

    Gives a frame with a row for each of the source: row, input, name, the source's other columns, anomaly, percentile
    in [0, 100], and reason, why a line has no score. Raises DataError for a source without rows, or of which the model
    reads none; ConfigError for a score that the model does not offer; RunError for what is no model.

    >>> found = anomalies(["CC(=O)Nc1ccccc1", "C(C(C(C(C", ""], "smiles-moses", reference=["Cc1ccccc1", "CCO"])
    >>> found["reason"].tolist(), bool(found["anomaly"][0] < found["anomaly"][1])
    (['', '', 'empty'], True)
    """
    return anomaly_table(source, model, by, reference, column, samples, seed).table()
