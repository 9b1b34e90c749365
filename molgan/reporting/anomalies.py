"""Molecules that a trained model finds unlike its training data."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gancore.facade.anomaly_table import SAMPLES, AnomalyTable, read_anomalies
from molgan.data.downloads import DATA
from molgan.data.inputs import FORM

if TYPE_CHECKING:
    import pandas as pd

    from gancore.facade.model import Model


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


def anomaly_table(
    source: Any,
    model: "str | Path | Model",
    by: str = "",
    reference: Any = None,
    column: str = "",
    samples: int = SAMPLES,
    seed: int = 0,
    device: str | None = None,
    checkpoint: str = "last",
) -> AnomalyTable:
    """`anomalies` as it was read, to write and to print; device, checkpoint: as in `MolGAN.load`."""
    reference = DATA.files(reference) if reference is not None else None
    return read_anomalies(*(source, model, FORM, "SMILES", by, reference, column, samples, seed, device, checkpoint))
