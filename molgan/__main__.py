"""The command line: `molgan demo | train | generate | score | evaluate | compare | report | export | ...`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 it
failed (one sentence says why), 2 it was asked for wrongly, 130 or 143 it was interrupted.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gancore.errors import ConfigError, DataError, RunError
from gancore.facade import cli
from gancore.io.atomic_write import refuse_place, whole
from gancore.io.progress import over

if TYPE_CHECKING:
    from gancore.io.downloads import Sources
    from molgan.chemistry.identity import Policy

app = typer.Typer(
    help="Train generators of molecules, make candidate libraries, score and judge them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _sources() -> "Sources":
    from molgan.data.downloads import DATA

    return DATA


app.callback()(cli.options)
app.add_typer(cli.data_app(_sources), name="data")

Out = Annotated[Path, typer.Option(help="Where to write.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override one setting; repeatable.")]
Train = Annotated[
    list[str],
    typer.Option(
        "--train", metavar="qm9|moses|zinc|FILE", help="Training molecules, to tell what is novel; repeatable."
    ),
]
AsJson = cli.AsJson
Reference = Annotated[
    str | None,
    typer.Option(metavar="qm9|moses|zinc|FILE", help="Real molecules, for the suites of MOSES and GuacaMol."),
]
Sample = Annotated[int, typer.Option(min=2, help="Molecules that the suites are worked out of, at random, if more.")]
Unequal = Annotated[bool, typer.Option("--allow-unequal-n", help="FCD also where numbers of molecules differ.")]
Only = Annotated[
    list[str], typer.Option(help="Group of figures, repeatable; default: all that molgan.metrics.GROUPS has.")
]
Fragments = Annotated[
    Literal["reject", "largest", "keep"],
    typer.Option(help="What counts of a salt or mixture where molecules are compared with training or reference ones."),
]
Standardize = Annotated[
    bool, typer.Option("--standardize", help="Compare with charges neutralised and functional groups normalised.")
]
Quiet = cli.Quiet


def _policy(fragments: str, standardize: bool) -> "Policy | None":
    """What was asked for; None for the policy that belongs to a run."""
    from molgan.chemistry.identity import COMPARED, Policy

    asked = Policy(fragments, standardize)
    return None if asked == COMPARED else asked


@app.command()
def demo(
    out: Out = Path("runs/demo"),
    config: Annotated[str, typer.Option(help="Configuration to train with: bundled name or TOML file.")] = "qm9",
    n: Annotated[int, typer.Option("-n", min=1, help="Molecules in the library.")] = 10_000,
    seed: Seed = 0,
    overrides: Set = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """The whole way on the embedded QM9 molecules: train, judge, collect a library, draw it. Replaces OUT."""
    from molgan.recipes.config import Config
    from molgan.reporting.demo import run

    run(Config.load(config, [*overrides, f"seed={seed}"]), out, n, quiet, as_json)


@app.command()
def train(
    data: Annotated[
        list[str],
        typer.Option(
            metavar="qm9|moses|zinc|FILE",
            help="Molecules: a data set by name, or a file: .smi .smiles .txt .csv .tsv .parquet .jsonl .sdf, also "
            ".gz; - for standard input; repeatable; default qm9.",
        ),
    ] = [],  # noqa: B006
    column: cli.Column = "",
    out: Annotated[Path, typer.Option(help="The run folder to make.")] = Path("runs/molgan"),
    config: Annotated[
        str | None,
        typer.Option(
            help="Bundled name (default, moses, qm9, ...) or TOML file; default: that of --start, or default."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Overrides the configuration's seed.")] = None,
    overrides: Set = [],  # noqa: B006
    start: Annotated[
        str | None, typer.Option(help="A model to begin with: a run, a shared one, a bundled one.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Resume with other settings or data all the same.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a generator on a file of molecules.

    Rows that cannot be used are listed with their reasons in OUT/rejected.csv; progress is in OUT/metrics.jsonl,
    all settings with their values in OUT/config.toml.
    """
    from molgan.recipes.config import Config

    chosen = config or ("default" if data else "qm9")
    if start and not config:
        from gancore.runs import pretrained

        chosen = pretrained.settings(start, "molgan")
    more = ([f"seed={seed}"] if seed is not None else []) + ([f"data.column={column}"] if column else [])
    settings = Config.load(chosen, [*overrides, *more])
    from gancore.training import distributed
    from molgan.data.dataset import embedded
    from molgan.gan import MolGAN

    source = cli.one_or_more(data) or embedded()
    MolGAN(settings).fit(source, out=out, resume=resume, quiet=quiet, start=start, force=force)
    if not quiet and not distributed.rank():
        typer.echo(f"trained: {out}; next: molgan generate {out} -n 1000 --out new.smi", err=True)


@app.command()
def generate(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run, a shared model, or a bundled one: qm9, moses.")],
    n: Annotated[int, typer.Option("-n", min=1, help="How many draws.")] = 1000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="File to write; default standard output.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Leave out repair (constrained decoding).")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    which: Annotated[str, typer.Option("--checkpoint", help="last, best or the number of a step.")] = "last",
    quiet: Quiet = False,
) -> None:
    """Draw molecules from a trained model, one SMILES a line, duplicates included.

    With --raw nothing is repaired and an invalid draw is an empty line; otherwise the rare draw that is no
    molecule is left out. Seeds are the same for any number: the first k of n draws do not depend on n.
    """
    from molgan.gan import MolGAN

    if out is not None:
        refuse_place(out)
    draws = over(MolGAN.load(run, device, which).stream(n, seed, raw), "drawing molecules", n)
    cli.write_lines((text or "" for text in draws if text or raw), out)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="Molecules to score: a file that train reads, or - (standard input).")],
    train: Train = [],  # noqa: B006
    column: cli.Column = "",
    score: Annotated[str, typer.Option(help="TOML file with a [score] table, or the name of a score.")] = "qed",
    out: Annotated[Path | None, typer.Option(help="Table to write: .parquet or .csv.")] = None,
    cache: Annotated[Path | None, typer.Option(help="File that keeps measured values for later runs.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score molecules one by one: canonical SMILES, validity, novelty, properties, the score and its components.

    Prints means, or one JSON object with --json. The table of --out has one row per row of the file, in its order,
    with the row's number, text, name and other columns; a column whose name is taken becomes input.NAME. The column
    smiles has no stereochemistry, but scores use it. Isotopes and atom maps are ignored. If a plug-in fails for every
    molecule, a message says so and the exit code is 1.
    """
    import pandas as pd

    from molgan.chemistry.identity import COMPARED
    from molgan.data.inputs import LOOKED_AT, beside, read_named, refuse_foreign
    from molgan.metrics.evaluation import known_smiles
    from molgan.scoring.scorer import Scorer, score_frame

    if out is not None:
        if out.suffix.lower() not in (".parquet", ".csv"):
            raise ConfigError(f"{out}: the table can be written as .parquet or .csv.")
        refuse_place(out, file, *train)
    scorer, rows = Scorer(score, cache=cache), list(read_named(file, column))
    if not rows:
        raise DataError(f"{file}: holds no rows.")
    policy = replace(COMPARED, standardize=scorer.definition.standardize)
    known = known_smiles(cli.one_or_more(train), policy, column) if train else None
    texts = [row.smiles for row in rows]
    frame = score_frame(texts, scorer, known, policy)
    valid = (frame["connected"] | frame["score"].notna()).tolist()
    doubt = refuse_foreign(file, texts[:LOOKED_AT], valid[:LOOKED_AT], len(valid), sum(valid))
    means = frame[frame.columns.difference(["smiles", "reason"], sort=False)]
    means = means[[name for name in means if not name.endswith(".names")]].astype(float).mean()
    if out is not None:
        parquet = out.suffix.lower() == ".parquet"
        table = beside(rows, frame, typed=parquet)
        with whole(out) as place:
            table.to_parquet(place, index=False) if parquet else table.to_csv(place, index=False)
    reasons = pd.Series(frame["reason"][frame["reason"] != ""]).value_counts()
    if as_json:
        typer.echo(
            json.dumps(
                {"rows": len(frame)}
                | {name: value if value == value else None for name, value in means.items()}
                | {"reasons": reasons.to_dict()}
                | ({"notes": [doubt]} if doubt else {}),
                indent=1,
            )
        )
    else:
        typer.echo(f"{scorer.definition}\n")
        typer.echo(f"{len(frame):,} rows; means over those that have one\n{means.round(4).to_string()}")
        for reason, count in reasons.head(5).items():
            typer.echo(f"{count:,} x {reason}")
    cli.tell_doubt(doubt)
    broken = scorer.broken(texts, least=1)
    if broken:
        raise RunError(f"{file}: {broken} What there is has no scores.")


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Generated molecules, or -; an empty line is an invalid draw.")],
    train: Train = [],  # noqa: B006
    reference: Reference = None,
    column: cli.Column = "",
    only: Only = [],  # noqa: B006
    sample: Sample = 30_000,
    unequal: Unequal = False,
    fragments: Fragments = "largest",
    standardize: Standardize = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a list of molecules from any source, with 95% intervals.

    Every list gets valid, connected, unique and novel. --reference adds the suites of MOSES and GuacaMol, diversity,
    motifs, memorisation, alerts and precision. Some figures need --train (MOSES brings its own training set).
    """
    from molgan.chemistry.identity import Policy
    from molgan.metrics import GROUPS
    from molgan.metrics import evaluate as judge

    known, groups, policy = cli.one_or_more(train), only or GROUPS, Policy(fragments, standardize)
    figures = judge(
        file, known, reference, groups=groups, sample=sample, allow_unequal_n=unequal, policy=policy, column=column
    )
    typer.echo(figures.to_json() if as_json else str(figures))
    cli.tell_doubt(figures.doubt)


@app.command()
def compare(
    files: Annotated[list[Path], typer.Argument(help="Files of molecules, or models (as generate's) to be sampled.")],
    train: Train = [],  # noqa: B006
    reference: Reference = None,
    column: cli.Column = "",
    n: Annotated[int, typer.Option("-n", min=2, help="Draws from each run.")] = 10_000,
    only: Only = [],  # noqa: B006
    sample: Sample = 30_000,
    unequal: Unequal = False,
    fragments: Fragments = "largest",
    standardize: Standardize = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge several lists or runs side by side; a figure beyond the first one's interval is marked with *."""
    from molgan.metrics import GROUPS
    from molgan.reporting.comparison import compare as judge

    policy, known = _policy(fragments, standardize), cli.one_or_more(train)
    found = judge(files, known, reference, n, only or GROUPS, sample, unequal, policy=policy, column=column)
    typer.echo(json.dumps(found.to_dict(), indent=1) if as_json else str(found))
    for title, one in found.evaluations.items():
        cli.tell_doubt(one.doubt and f"{title}: {one.doubt}")


@app.command()
def report(
    source: Annotated[Path, typer.Argument(help="A model, as generate's, or a file of molecules.")],
    out: Out = Path("report.html"),
    train: Train = [],  # noqa: B006
    reference: Reference = None,
    score: Annotated[str, typer.Option(help="Score that ranks: a TOML file or the name of one.")] = "qed",
    smarts: Annotated[
        list[str], typer.Option(metavar="NAME=SMARTS", help="A further substructure to filter by; repeatable.")
    ] = [],  # noqa: B006
    top: Annotated[int, typer.Option(min=1, help="Molecules to draw.")] = 1000,
    n: Annotated[int, typer.Option("-n", min=1, help="Draws from a run.")] = 10_000,
    seed: Seed = 0,
    fragments: Fragments = "largest",
    standardize: Standardize = False,
    column: cli.Column = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write an HTML page about a run or a file: figures, distributions, training curves, molecules, provenance.

    Prints the path of the page; with --json also its figures.
    """
    from molgan.reporting.page import report as make

    named = {name: pattern for name, _, pattern in (text.partition("=") for text in smarts)}
    if not all(name and pattern for name, pattern in named.items()):
        raise ConfigError("--smarts takes NAME=SMARTS, for example --smarts 'azide=N=[N+]=[N-]'.")
    refuse_place(out, source, *train, *([reference] if reference else []))
    policy, known = _policy(fragments, standardize), cli.one_or_more(train)
    made = make(source, known, reference, score, named, top, n, seed, policy, column)
    written = made.write(out)
    typer.echo(
        json.dumps({"page": str(written), "figures": json.loads(made.figures.to_json())}, indent=1)
        if as_json
        else written
    )
    cli.tell_doubt(made.figures.doubt)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    train: Train = [],  # noqa: B006
    reference: Reference = None,
    only: Only = [],  # noqa: B006
    n: Annotated[int, typer.Option("-n", min=2, help="Draws that the card's figures rest on.")] = 10_000,
    seed: Seed = 0,
    data: Annotated[str, typer.Option(help="What it was trained on, a sentence for the card.")] = "",
    column: cli.Column = "",
    which: Annotated[str, typer.Option("--checkpoint", help="last, best or the number of a step.")] = "last",
    compact: cli.Compact = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model to share: one file that generate, MolGAN.load and from_pretrained read, and a card with figures.

    With --json the figures of the card are printed.
    """
    from molgan.gan import MolGAN
    from molgan.metrics import GROUPS, evaluate

    cli.refuse_model(out)
    gan = MolGAN.load(run, checkpoint=which)
    known, groups = cli.one_or_more(train), only or GROUPS
    figures = evaluate(gan.sample(n, seed), known, reference, groups=groups, policy=gan.policy, column=column)
    gan.save_pretrained(out, figures, data, compact)
    cli.copy_log(run, out)
    if as_json:
        typer.echo(figures.to_json())
    if not quiet:
        typer.echo(f"{out}; next: molgan generate {out} -n 1000 --out new.smi", err=True)


@app.command()
def doctor(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Check installation, devices, data sets and bundled models, and say what to do; exit code 1 for a fault."""
    from gancore.facade import doctor
    from gancore.runs import pretrained

    def rdkit_scores() -> list[doctor.Finding]:
        from molgan.scoring.scorer import Scorer

        value = float(Scorer("qed")(["CC(=O)Oc1ccccc1C(=O)O"])[0])  # aspirin
        right = abs(value - 0.5501) < 1e-3
        advice = "" if right else "install rdkit again"
        return [doctor.Finding("rdkit scores", "ok" if right else "fault", f"QED of aspirin {value:.4f}", advice)]

    def models() -> "Iterable[doctor.Finding]":
        from molgan.gan import MolGAN

        return doctor.bundled_models(pretrained.bundled("molgan"), lambda name: MolGAN.load(name, "cpu").sample(3))

    cli.show_findings(doctor.examine([*doctor.common(_sources), rdkit_scores, models]), as_json, quiet)


@app.command()
def runs(
    folders: Annotated[list[Path], typer.Argument(help="A folder of runs to list them; two runs to compare.")] = [  # noqa: B006
        Path("runs")
    ],
    out: Annotated[Path | None, typer.Option(help="PNG to draw the curves to.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List runs, or compare two side by side: settings that differ, last figures, curves."""
    cli.show_runs(folders, out, as_json)


def main() -> None:
    """Run the command line."""
    cli.run(app, "molgan")


if __name__ == "__main__":
    main()
