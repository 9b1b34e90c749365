"""The command line: `molgan demo | train | generate | score | evaluate | compare | report | export | ...`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 it
failed (one sentence says why), 2 a wrong option or setting, 130 or 143 it was interrupted.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gancore.errors import ConfigError, RunError
from gancore.facade import cli
from gancore.facade.cli import AsJson, Quiet
from gancore.facade.commands import Demo, Device, Half, Seed, Which, app_of, export_model, finish
from gancore.io.atomic_write import refuse_place
from gancore.io.progress import over
from molgan import library_commands
from molgan.library import options
from molgan.picking_commands import cluster, pick
from molgan.search_commands import analogues, improve, optimize

if TYPE_CHECKING:
    from gancore.facade.doctor import Finding
    from gancore.io.downloads import Sources
    from molgan.chemistry.identity import Policy


def _sources() -> "Sources":
    from molgan.data.downloads import DATA

    return DATA


def _model() -> type:
    from molgan.gan import MolGAN

    return MolGAN


def _source(settings: Any, start: str | None) -> Path:
    from molgan.data.dataset import embedded

    return embedded()


def _demo(config: Any, out: Path, n: int, quiet: bool, as_json: bool) -> None:
    from molgan.reporting.demo import run

    run(config, out, n, quiet, as_json)


def _anomalies(*given: Any) -> Any:
    from molgan.reporting.anomalies import anomaly_table

    return anomaly_table(*given)


def _rdkit_scores() -> "list[Finding]":
    from gancore.facade.doctor import Finding
    from molgan.scoring.scorer import Scorer

    value = float(Scorer("qed")(["CC(=O)Oc1ccccc1C(=O)O"])[0])  # aspirin
    correct = abs(value - 0.5501) < 1e-3
    advice = "" if correct else "install rdkit again"
    return [Finding("rdkit scores", "ok" if correct else "fault", f"QED of aspirin {value:.4f}", advice)]


HALF = Half(
    name="molgan",
    about="Train molecule generators, build candidate libraries, score and evaluate molecules.",
    sets="qm9|moses|zinc",
    kinds=".smi .smiles .txt .csv .tsv .parquet .jsonl .sdf",
    suffix="smi",
    sources=_sources,
    model=_model,
    config=lambda data: "default" if data else "qm9",
    source=_source,
    computed="a property, NAME=SCORE.toml, ",
    demo=Demo(
        "Train on the bundled QM9 molecules, evaluate, build a library and draw it. Replaces OUT.",
        *(Path("runs/demo"), "qm9-exemplars", 10_000, 1, _demo),
    ),
    checks=[_rdkit_scores],
    anomalies=_anomalies,
)
app = app_of(HALF)


def _policy(fragments: str, standardize: bool) -> "Policy | None":
    """The policy of these options; None for the defaults, which leave it to the run."""
    from molgan.chemistry.identity import COMPARED, Policy

    policy = Policy(fragments, standardize)
    return None if policy == COMPARED else policy


@app.command()
def generate(
    run: Annotated[
        Path, typer.Argument(help="Folder of a trained run, a shared model, or a bundled one: qm9, moses, drug.")
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="Number of samples.")] = 1000,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="File to write; default standard output.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write samples as drawn, without repair.")] = False,
    condition: cli.Condition = [],  # noqa: B006
    guidance: cli.Guidance = 1.0,
    ceiling: options.Ceiling = None,
    precision: options.Precision = None,
    tolerance: options.Tolerance = [],  # noqa: B006
    fragments: options.GivenFragments = None,
    optional: options.Optional = [],  # noqa: B006
    linked: options.Linked = False,
    size: options.Size = None,
    added: options.Added = None,
    distinct: options.Distinct = False,
    require: options.Require = [],  # noqa: B006
    forbid: options.Forbid = [],  # noqa: B006
    isomers: options.Isomers = 0,
    device: Device = None,
    which: Which = "last",
    quiet: Quiet = False,
) -> None:
    """Sample molecules from a trained model, one SMILES per line, duplicates included.

    With --raw nothing is repaired, and an invalid sample is an empty line. Otherwise the few invalid samples are left
    out. For a given seed, the first k samples do not depend on n. With --fragments, an output .csv has the columns
    request and smiles. String models, such as smiles-moses, also take --fragments.
    """
    from molgan.library.requests import lines, write_each
    from molgan.prompted import load_for
    from molgan.recipes.sample_request import SampleRequest

    if out is not None:
        refuse_place(out)
    gan = load_for(run, fragments, device, which)
    requested = SampleRequest(
        condition=cli.request_of(condition),
        guidance=guidance,
        ceiling=ceiling,
        precision=precision,
        tolerance=cli.request_of(tolerance, "--tolerance"),
        optional=optional,
        linked=linked,
        size=size,
        added=added,
        distinct=distinct,
        require=require,
        forbid=forbid,
    )
    if fragments is not None:
        write_each(gan, fragments, n, seed, raw, requested, isomers, out)
        return
    draws = over(gan.stream(n, seed, raw, **requested), "drawing molecules", n)
    cli.write_lines(lines(draws, raw, isomers), out)


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="Molecules to score: a file that train reads, or - (standard input).")],
    train: options.Train = [],  # noqa: B006
    column: cli.Column = "",
    score: Annotated[str, typer.Option(help="TOML file with a [score] table, or the name of a score.")] = "qed",
    out: Annotated[Path | None, typer.Option(help="Table to write: .parquet or .csv.")] = None,
    cache: Annotated[Path | None, typer.Option(help="File that stores the values for later runs.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score molecules one by one: canonical SMILES, validity, novelty, properties, the score and its components.

    Prints means, or one JSON object with --json. The table of --out has the rows of the file in their order,
    with the row's number, text, name and other columns; a column whose name is taken becomes input.NAME. The column
    smiles has no stereochemistry, but scores use it. Isotopes and atom maps are ignored. If a plug-in fails for every
    molecule, a message says so and the exit code is 1.
    """
    from molgan.reporting.scored_file import ScoredFile, refuse_table
    from molgan.scoring.scorer import Scorer

    if out is not None:
        refuse_table(out)
        refuse_place(out, file, *train)
    scored = ScoredFile.read(file, Scorer(score, cache=cache), cli.one_or_more(train), column)
    if out is not None:
        scored.write(out)
    typer.echo(scored.to_json() if as_json else str(scored))
    cli.print_doubt(scored.doubt)
    if scored.broken:
        raise RunError(f"{file}: {scored.broken} What there is has no scores.")


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Generated molecules, or -; an empty line is an invalid sample.")],
    train: options.Train = [],  # noqa: B006
    reference: options.Reference = None,
    column: cli.Column = "",
    only: options.Only = [],  # noqa: B006
    sample: options.Sample = 30_000,
    unequal: options.Unequal = False,
    fragments: options.Fragments = "largest",
    standardize: options.Standardize = False,
    condition: cli.Condition = [],  # noqa: B006
    tolerance: options.Tolerance = [],  # noqa: B006
    subgroup: options.Subgroup = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a list of molecules from any source, with 95% intervals.

    Every list gets valid, connected, unique and novel. --reference adds the suites of MOSES and GuacaMol, diversity,
    motifs, memorisation, alerts and precision. Some figures need --train (MOSES brings its own training set).
    --condition names the requested values, and the distance to them is measured. --only subgroups and
    --subgroup COLUMN give recall by subgroup.
    """
    from molgan.chemistry.identity import Policy
    from molgan.metrics import GROUPS
    from molgan.metrics import evaluate as judge

    training, groups, policy = cli.one_or_more(train), only or GROUPS, Policy(fragments, standardize)
    requested, tolerances = cli.request_of(condition), cli.request_of(tolerance, "--tolerance")
    figures = judge(
        *(file, training, reference, (1000, 10000), groups, sample, unequal, 0, policy, column, requested, tolerances),
        subgroup=subgroup,
    )
    typer.echo(figures.to_json() if as_json else str(figures))
    cli.print_doubt(figures.doubt)


@app.command()
def compare(
    files: Annotated[list[Path], typer.Argument(help="Files of molecules, or models to sample from.")],
    train: options.Train = [],  # noqa: B006
    reference: options.Reference = None,
    column: cli.Column = "",
    n: Annotated[int, typer.Option("-n", min=2, help="Number of samples from each model.")] = 10_000,
    only: options.Only = [],  # noqa: B006
    sample: options.Sample = 30_000,
    unequal: options.Unequal = False,
    fragments: options.Fragments = "largest",
    standardize: options.Standardize = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate lists or models side by side; * marks an interval that does not overlap the first one's."""
    from molgan.metrics import GROUPS
    from molgan.reporting.comparison import compare as judge

    policy, training = _policy(fragments, standardize), cli.one_or_more(train)
    comparison = judge(files, training, reference, n, only or GROUPS, sample, unequal, policy=policy, column=column)
    typer.echo(json.dumps(comparison.to_dict(), indent=1) if as_json else str(comparison))
    for title, figures in comparison.evaluations.items():
        cli.print_doubt(figures.doubt and f"{title}: {figures.doubt}")


@app.command()
def report(
    source: Annotated[Path, typer.Argument(help="A model, the folder of a search or of a library, or a file.")],
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("report.html"),
    train: options.Train = [],  # noqa: B006
    reference: options.Reference = None,
    score: Annotated[str, typer.Option(help="Score to rank by: a TOML file or the name of a score.")] = "qed",
    smarts: Annotated[
        list[str], typer.Option(metavar="NAME=SMARTS", help="A further substructure to filter by; repeatable.")
    ] = [],  # noqa: B006
    top: Annotated[int, typer.Option(min=1, help="Number of molecules to show.")] = 1000,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of samples from a model.")] = 10_000,
    seed: Seed = 0,
    fragments: options.Fragments = "largest",
    standardize: options.Standardize = False,
    column: cli.Column = "",
    condition: cli.Condition = [],  # noqa: B006
    tolerance: options.Tolerance = [],  # noqa: B006
    guidance: options.Guidances = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write an HTML page about a run or a file: metrics, distributions, training curves, molecules, provenance.

    Prints the path of the page; with --json also its metrics.
    """
    from molgan.reporting.page import report as make

    patterns = {name: pattern for name, _, pattern in (text.partition("=") for text in smarts)}
    if not all(name and pattern for name, pattern in patterns.items()):
        raise ConfigError("--smarts takes NAME=SMARTS, for example --smarts 'azide=N=[N+]=[N-]'.")
    refuse_place(out, source, *train, *([reference] if reference else []))
    policy, training = _policy(fragments, standardize), cli.one_or_more(train)
    ranked = source, training, reference, score, patterns, top, n, seed, policy, column
    page = make(*ranked, cli.request_of(condition), cli.request_of(tolerance, "--tolerance"), guidance or [1.0])
    cli.write_report(page, out, as_json)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    train: options.Train = [],  # noqa: B006
    reference: options.Reference = None,
    only: options.Only = [],  # noqa: B006
    n: Annotated[int, typer.Option("-n", min=2, help="Number of samples for the metrics of the card.")] = 10_000,
    seed: Seed = 0,
    data: Annotated[str, typer.Option(help="Description of the training data, one sentence for the card.")] = "",
    column: cli.Column = "",
    which: Which = "last",
    compact: cli.Compact = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model to share: one file that generate, MolGAN.load and from_pretrained read, and a model card.

    With --json the metrics of the card are printed.
    """
    from molgan.gan import MolGAN
    from molgan.metrics import GROUPS, evaluate

    cli.refuse_model(out)
    gan = MolGAN.load(run, checkpoint=which)
    training, groups = cli.one_or_more(train), only or GROUPS
    figures = evaluate(gan.sample(n, seed), training, reference, groups=groups, policy=gan.policy, column=column)
    export_model(HALF, gan, run, out, figures, data, compact, as_json, quiet)


app.command()(optimize)
app.command()(improve)
app.command()(analogues)
app.command()(pick)
app.command()(cluster)
app.add_typer(library_commands.app, name="library")
finish(app, HALF)


def main() -> None:
    """Run the command line."""
    cli.run(app, "molgan")


if __name__ == "__main__":
    main()
