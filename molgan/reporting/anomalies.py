"""Molecules that a trained model finds unlike its training data."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gancore.facade.anomaly_table import SAMPLES, read_anomalies
from molgan.data.downloads import DATA
from molgan.data.inputs import FORM

if TYPE_CHECKING:
    import pandas as pd

    from gancore.facade.model import Model

anomaly_table = partial(read_anomalies, form=FORM, items="SMILES", files=DATA.files)
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
    """Score how unlike its training data a model finds each molecule of a file, a frame or a list.

    model: a trained model, its folder, or the name of a bundled one; a string model such as `smiles-moses` as well.
    by: `likelihood` (nats an atom or token), `reconstruction` (nats an atom) or `critic` (a logit); "" for the first
    that the model offers. Higher is more anomalous. reference: molecules among which percentiles are given, such as
    held-out ones; None for samples of the model; of either at most `samples`, at random.

    Gives a frame with a row for each of the source: row, input, name, the source's other columns, anomaly, percentile
    in [0, 100], and reason, why a molecule has no score. Raises DataError for a source without rows, or of which the
    model reads none; ConfigError for a score that the model does not offer; RunError for what is no model.

    >>> found = anomalies(["CCO", "C1=C2C=C12", "[U]"], "qm9", reference=["CCN", "CCC", "CC=O"])
    >>> found["percentile"].tolist()[1:], found["reason"].tolist()
    ([100.0, nan], ['', '', 'atom type U, which the model does not have'])
    """
    return anomaly_table(source, model, by, reference, column, samples, seed).table()
