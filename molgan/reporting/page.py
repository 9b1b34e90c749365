"""The report of a run or of a file of molecules: one HTML page that needs no network."""

import base64
import hashlib
import html
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from rdkit import Chem, rdBase

from gancore.errors import ConfigError, DataError
from gancore.io.atomic_write import write_text
from gancore.io.notes import note
from gancore.io.text_files import name_of
from gancore.runs.compare import Run
from gancore.runs.pretrained import is_model
from gancore.statistics.evaluation import Evaluation
from gancore.statistics.intervals import Estimate
from molgan import chemistry
from molgan.chemistry.identity import COMPARED, Policy, prepared
from molgan.chemistry.parallel import judge_all, map_chunks
from molgan.data.downloads import DATA
from molgan.data.inputs import read_named, refuse_foreign
from molgan.gan import MolGAN
from molgan.library.drawing import draw
from molgan.metrics import evaluate
from molgan.metrics.basic import Known, Molecules, in_memory, prepare, texts_of
from molgan.metrics.evaluation import ALERTS
from molgan.metrics.neighbours import Neighbours, packed
from molgan.metrics.published import MOSES, MOSES_COLUMNS, MOSES_N, QM9, QM9_COLUMNS
from molgan.metrics.similarity import nearest
from molgan.reporting.charts import curves, histogram
from molgan.scoring.definition import ScoreConfig
from molgan.scoring.description import NOT_READ, read
from molgan.scoring.properties import PROPERTIES, alert_names
from molgan.scoring.scorer import DESCRIBED, Scorer, property_frame

SUBSTRUCTURES = {
    "aromatic ring": "a",
    "carboxylic acid": "C(=O)[OX2H]",
    "ester": "[CX3](=O)[OX2][#6]",
    "amide": "[NX3][CX3]=O",
    "amine": "[NX3;!$(N[C,S]=[O,S,N]);!$(N=*);!$(N#*)]",
    "alcohol": "[OX2H][CX4]",
    "phenol": "[OX2H]c",
    "ether": "[OX2]([#6;!$(C=O)])[#6;!$(C=O)]",
    "aldehyde": "[CX3H1]=O",
    "ketone": "[#6][CX3](=O)[#6]",
    "nitrile": "C#N",
    "alkyne": "C#C",
    "nitro": "[$([NX3](=O)=O),$([NX3+](=O)[O-])]",
    "sulfonamide": "S(=O)(=O)N",
    "halogen": "[F,Cl,Br,I]",
    "ring of three": "*1**1",
    "charged": "[+,-]",
}
"""What the molecules can be filtered by: name -> SMARTS."""
_QUOTED = "The columns from the fifth on are published figures, as quoted by their authors."
_SAMPLE = 10_000
_COMPARED = 5000  # reference molecules whose properties are drawn
_CURVES = (
    *("sample/connected", "sample/unique", "sample/novel", "sample/product"),
    *("sample/precision", "sample/recall", "critic/accuracy"),
)


@dataclass
class Report:
    """A page; shows itself in a notebook, `write` puts it into a file. figures: those that `evaluate` found."""

    page: str
    figures: Evaluation

    def write(self, path: str | Path) -> Path:
        """Write the page, whole or not at all; raises OSError when it cannot be written."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, self.page)
        return path

    def _repr_html_(self) -> str:
        page = html.escape(self.page)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="800" style="border:0"></iframe>'


@dataclass
class _Material:
    """What a report is made of."""

    title: str
    texts: list[str | None]
    names: dict[str, str] = field(default_factory=dict)  # by canonical SMILES
    provenance: dict[str, object] = field(default_factory=dict)
    config: str = ""
    run: Run | None = None
    policy: Policy = COMPARED


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
) -> Report:
    """Report on a run folder or a shared model (by `n` draws), a file, or a list of SMILES.

    train: for novelty and the nearest training molecules. reference, column: as in `evaluate`; the distributions of the
    reference stand beside.
    policy: how molecules are prepared to be compared, as in `evaluate`; of a run, standardized where its training
    molecules were.
    score: the `top` distinct molecules by it are drawn. substructures: further filters, name -> SMARTS.
    Raises DataError when there is no valid molecule, ConfigError for what is no SMARTS, and what `evaluate` raises.

    >>> report(["CCO", "c1ccccc1O"], train=["CCO"]).page[:15].lower()
    '<!doctype html>'
    """
    flags = _patterns(SUBSTRUCTURES | dict(substructures or {}))
    material = _material(source, n, seed, column)
    train = in_memory(train, column)
    if DATA.named(reference) == "moses" and train is None:
        train = "moses"
    policy = policy or material.policy
    judged = evaluate(material.texts, train, reference, seed=seed, policy=policy, column=column)
    distinct = list(dict.fromkeys(one.smiles for one in judge_all(material.texts) if one.smiles is not None))
    if not distinct:
        raise DataError(f"{material.title}: holds no valid molecule to report on.")
    properties = property_frame(distinct)
    scorer = Scorer(score)
    scores = scorer(distinct)
    if broken := scorer.broken(distinct, least=1):
        note(f"{material.title}: {broken} The page ranks nothing.")
    best = np.argsort(-np.nan_to_num(scores, nan=-1.0), kind="stable")[:top]
    frame = properties.iloc[best].assign(score=scores[best])
    compared = None
    if train is not None:
        compared = Known.of(train, policy), Neighbours.of_smiles(prepare(texts_of(train), policy), seed=seed)
    molecules = _molecules([distinct[row] for row in best], frame, material.names, compared, policy, flags)
    theirs = None
    if reference is not None:
        real = [text for text in texts_of(reference, "test", column) if text]
        picked = np.random.default_rng(seed).permutation(len(real))[:_COMPARED]
        theirs = property_frame([real[row] for row in picked])
    baselines = _baselines(judged, reference)
    page = _page(material, judged, properties, theirs, molecules, str(scorer.definition), baselines)
    return Report(page, judged)


def _material(source: str | Path | Sequence[str | None], n: int, seed: int, column: str) -> _Material:
    versions = {name: version(name) for name in ("discretegan", "torch", "rdkit")} | {
        "python": platform.python_version()
    }
    if not isinstance(source, (str, Path)):
        return _Material("Molecules", list(source), provenance={"versions": _told(versions)})
    path = Path(source)
    if not is_model(path, "molgan"):
        rows = list(read_named(path, column))
        texts = [row.smiles for row in rows]
        judged = judge_all(texts)
        valid = [one.valid for one in judged]
        refuse_foreign(path, texts, valid, len(valid), sum(valid))
        names = {one.smiles: row.name for one, row in zip(judged, rows, strict=True) if one.smiles and row.name}
        told: dict[str, object] = {"file": name_of(path), "versions": _told(versions)}
        if path.is_file():  # a pipe is read once
            told["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        return _Material(path.name, texts, names, told)
    gan = MolGAN.load(path)
    held = gan.provenance
    told = {
        "run": path,
        "draws": f"{n:,}, seed {seed}",
        "seed of training": gan.config.seed,
        "data": _told(held["data"]),
        "trained with": _told(held["versions"]) + f", python {held['python']}",
        "reported with": _told(versions),
    }
    run = Run.read(path) if (path / "config.toml").is_file() else None
    return _Material(f"Run {path.name}", gan.sample(n, seed), {}, told, gan.config.dump(), run, gan.policy)


def _told(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


# Molecules ------------------------------------------------------------------------------------


def _patterns(named: Mapping[str, str]) -> dict[str, Chem.Mol]:
    with rdBase.BlockLogs():
        made = {name: Chem.MolFromSmarts(smarts) for name, smarts in named.items()}
    for name, pattern in made.items():
        if pattern is None:
            raise ConfigError(f"report: {named[name]!r} ({name}) is no SMARTS.")
    return made


def _molecules(
    smiles: list[str],
    frame: pd.DataFrame,
    names: Mapping[str, str],
    compared: tuple[Known, Neighbours] | None,
    policy: Policy,
    flags: Mapping[str, Chem.Mol],
) -> dict[str, Any]:
    """What the page's script reads: columns, rows, and the training molecules that are some row's nearest."""
    mols = [chemistry.parse(text) for text in smiles]
    alerts = [[f"{name}: {hit}" for name in ALERTS for hit in alert_names(mol, [name])] for mol in mols]
    novel, neighbours = [False] * len(smiles), None
    nearest_rows, similarity = [None] * len(smiles), [0.0] * len(smiles)
    shown: dict[int, int] = {}
    if compared is not None:
        known, neighbours = compared
        reading = map_chunks(partial(read, policy=policy), smiles, failed=lambda reason: NOT_READ)
        novel = (~np.isin([one.strict for one in reading], known.strict)).tolist()
        found = nearest(packed([prepared(text, policy) or text for text in smiles]), neighbours.fingerprints)
        nearest_rows = [shown.setdefault(row, len(shown)) for row in found.row.tolist()]
        similarity = found.similarity.round(3).tolist()
    drawings = map_chunks(draw, smiles, chunk=50)
    values = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    rows = [
        {
            "rank": row + 1,
            "smiles": text,
            "name": names.get(text, ""),
            "values": [None if value is None else round(float(value), 4) for value in values[row]],
            "novel": novel[row],
            "alerts": alerts[row],
            "flags": [place for place, pattern in enumerate(flags.values()) if mols[row].HasSubstructMatch(pattern)],
            "nearest": nearest_rows[row],
            "similarity": similarity[row],
            "drawing": drawings[row],
        }
        for row, text in enumerate(smiles)
    ]
    training = [neighbours.smiles[row] for row in shown] if neighbours is not None else []
    return {
        "columns": list(frame),
        "rows": rows,
        "flags": list(flags),
        "neighbours": [{"smiles": text, "drawing": draw(text)} for text in training],
    }


# The page -------------------------------------------------------------------------------------


def _page(
    material: _Material,
    judged: Evaluation,
    properties: pd.DataFrame,
    theirs: pd.DataFrame | None,
    molecules: dict[str, Any],
    score: str,
    baselines: Mapping[str, Mapping[str, float | None]],
) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(loader=PackageLoader("molgan.reporting"), autoescape=True, undefined=StrictUndefined)
    style, script = (pages.loader.get_source(pages, f"report.{kind}")[0] for kind in ("css", "js"))  # pyright: ignore
    run = material.run
    drawn = [
        histogram(
            f"{name} ({PROPERTIES[name].unit})" if PROPERTIES[name].unit else name,
            properties[name].to_numpy(),
            None if theirs is None else theirs[name].to_numpy(),
        )
        for name in DESCRIBED
    ]
    events = [] if run is None else run.events
    return pages.get_template("report.html").render(
        title=material.title,
        summary=f"{len(material.texts):,} strings, {len(properties):,} distinct molecules; the first "
        f"{len(molecules['rows']):,} by score are drawn. {score}",
        style=Markup(style),
        script=Markup(script),
        style_digest=_digest(style),
        script_digest=_digest(script),
        baselines=list(baselines),
        figures=[_row(name, estimate, baselines) for name, estimate in judged.items()],
        notes=[
            *judged.notes,
            *(["The columns from the fifth on are published figures, as quoted."] if baselines else []),
        ],
        tables={name: list(rows.items())[:10] for name, rows in judged.tables.items() if rows},
        legend="bars: these molecules" + ("" if theirs is None else f"; line: {len(theirs):,} of the reference"),
        histograms=Markup("").join(drawn),
        curves="" if run is None else curves({name: run.curves[name] for name in _CURVES if name in run.curves}),
        training_note="" if run is None else f"{run.steps:,} steps; each figure of raw draws, as the monitors saw it.",
        events=events,
        sortable=molecules["columns"][::-1],
        flags=molecules["flags"],
        provenance={key: str(value) for key, value in material.provenance.items()},
        config=material.config,
        data=_inert(molecules),
    )


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _inert(values: Any) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(values, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _row(name: str, estimate: Estimate, baselines: Mapping[str, Mapping[str, float | None]]) -> dict[str, object]:
    return {
        "name": name,
        "value": f"{estimate.value:.4f}",
        "interval": "" if estimate.low != estimate.low else f"{estimate.low:.4f} to {estimate.high:.4f}",
        "n": f"{estimate.n:,}",
        "others": ["" if (value := row.get(name)) is None else f"{value:g}" for row in baselines.values()],
    }


def _baselines(judged: Evaluation, reference: object) -> dict[str, dict[str, float | None]]:
    """Published rows, for the two sets that have some; the Fréchet distance only beside one of as many molecules."""
    if DATA.named(reference) == "moses":
        told = {name: dict(zip(MOSES_COLUMNS, row, strict=True)) for name, row in MOSES.items()}
        if judged["valid"].n != MOSES_N:
            for row in told.values():
                del row["moses/fcd"]
        return told
    if DATA.named(reference) == "qm9":
        return {name: dict(zip(QM9_COLUMNS, row, strict=True)) for name, row in QM9.items()}
    return {}
