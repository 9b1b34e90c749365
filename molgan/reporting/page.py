"""The report of a run or of a file of molecules: one self-contained HTML page that works offline."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gancore.errors import ConfigError, DataError
from gancore.facade.conditions import Request
from gancore.io.notes import note
from gancore.reporting.page import Report
from molgan.chemistry.identity import Policy, flat
from molgan.data.inputs import refuse_foreign
from molgan.metrics.basic import Molecules, read_all, texts_of
from molgan.metrics.groups import GROUPS
from molgan.metrics.judge import Judge
from molgan.metrics.reference import SAMPLE
from molgan.reporting.material import Material, gather
from molgan.reporting.molecules import SUBSTRUCTURES, Listed, Training, listed, parts_of_texts, patterns, rows_of
from molgan.reporting.render import baselines_of, render
from molgan.reporting.requests import compare_guidance, requested_of
from molgan.reporting.survey import Survey, ranked_by, survey
from molgan.scoring.definition import ScoreConfig
from molgan.scoring.scorer import Scorer
from molgan.scoring.tables import property_frame

_SAMPLE = 10_000
_COMPARED = 5000  # reference molecules whose properties are drawn
_KS = (1000, 10000)


def report(
    source: str | Path | Sequence[str | None],
    train: Molecules | None = None,
    reference: str | Path | Sequence[str] | None = None,
    score: ScoreConfig | str | Path = "qed",
    substructures: Mapping[str, str] | None = None,
    top: int = 1000,
    n: int = _SAMPLE,
    seed: int = 0,
    policy: Policy | None = None,
    column: str = "",
    condition: Request = MappingProxyType({}),
    tolerance: Request = MappingProxyType({}),
    guidance: Sequence[float] = (1.0,),
) -> Report:
    """Report on a run or a shared model (by `n` draws), a search, a library, a file, or a list of SMILES.

    Of a run, a search and a library give the folder; of a library `n` random molecules are shown.

    train: for novelty and the nearest training molecules. reference, column: as in `evaluate`; the distributions of the
    reference stand beside.
    policy: how molecules are prepared to be compared, as in `evaluate`; of a run, standardised where its training
    molecules were.
    condition, tolerance: what is requested of the draws, or was of the strings; how near they come is measured as
        `evaluate` does. guidance: of the draws; of several the page compares the samples, and shows the first's.
    score: the `top` distinct molecules by it are drawn; those of a search by its own score, and those of a library that
        has a score by that, unless another one is asked for.
    substructures: further filters, name -> SMARTS.
    Raises DataError when there is no valid molecule, ConfigError for what is no SMARTS, and what `evaluate` raises.

    >>> report(["CCO", "c1ccccc1O"], train=["CCO"]).page[:15].lower()
    '<!doctype html>'
    """
    flags = patterns(SUBSTRUCTURES | dict(substructures or {}))
    if not guidance:
        raise ConfigError("guidance: give at least one value.")
    material, scorer = gather(source, n, seed, column, condition, guidance[0]), Scorer(score)
    if material.model is None and tuple(guidance) != (1.0,):
        raise ConfigError("guidance: is of draws of a model, and these molecules are drawn already.")
    if material.library is not None and score != "qed":
        material.scores = {}  # another score is asked for
    policy = policy or material.policy
    judge = Judge(*(train, reference, _KS, GROUPS, False, seed, policy, column), requested_of(condition, tolerance))
    reading = read_all(material.texts, SAMPLE, seed, policy, judge.parts, parts_of_texts(scorer))
    valid = reading.table["valid"].tolist()
    doubt = refuse_foreign(material.source or material.texts, material.texts, valid, len(valid), sum(valid))
    molecules = listed(material.texts, reading.records, material.names, scorer, material.scores)
    if not molecules.smiles:
        raise DataError(f"{material.title}: holds no valid molecule to report on.")
    judged = judge(reading, doubt)
    if not material.scores and (broken := scorer.broken(molecules.smiles, least=1)):
        note(f"{material.title}: {broken} The page ranks nothing.")
    training = None
    if judge.train is not None and judge.known is not None:
        training = Training(judge.train, judge.known, policy, seed)
    rows = rows_of(molecules.best(top), training, flags)
    theirs = real = None
    if reference is not None:
        real = [text for text in texts_of(reference, "test", column) if text]
        picked = np.random.default_rng(seed).permutation(len(real))[:_COMPARED]
        theirs = property_frame([real[row] for row in picked])
    guided = []
    if material.model is not None and condition and len(guidance) > 1:
        guided = compare_guidance(material.model, material.texts, condition, tolerance, guidance, n, seed, train, real)
    score_text = f"Ranked by the score of {material.scored_by}." if material.scores else str(scorer.definition)
    baselines = baselines_of(judged, reference)
    looked = _survey(material, molecules)
    page = render(material, judged, molecules.properties, theirs, rows, score_text, baselines, guided, looked)
    return Report(page, judged)


def _survey(material: Material, molecules: Listed) -> Survey | None:
    """What there is to see of a library; None for anything else."""
    if material.library is None:
        return None
    sample, qed = material.sample, []
    if not ranked_by(sample):
        known = dict(zip(molecules.smiles, molecules.properties["qed"], strict=True))
        qed = [known.get(flat(text), float("nan")) for text in sample["smiles"]]
    return survey(material.library, sample, qed)
