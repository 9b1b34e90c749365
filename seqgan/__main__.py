"""The command line: `seqgan demo | train | generate | translate | evaluate | report | export | ...`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 it
failed (one sentence says why), 2 a wrong option or setting, 130 or 143 it was interrupted.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gancore.errors import ConfigError, DataError
from gancore.facade import cli
from gancore.facade.cli import AsJson, Quiet
from gancore.facade.commands import Demo, Device, Half, Seed, Which, app_of, export_model, finish
from gancore.io.atomic_write import refuse_place
from gancore.io.fasta import SUFFIXES, fasta_lines
from gancore.io.progress import over

if TYPE_CHECKING:
    from gancore.io.downloads import Sources


def _corpora() -> "Sources":
    from seqgan.data.downloads import CORPORA

    return CORPORA


def _model() -> type:
    from seqgan.gan import SeqGAN

    return SeqGAN


def _source(settings: Any, start: str | None) -> Any:
    from seqgan.data import dialects, grammar

    if start is not None and not settings.needs_lines:
        return None
    of_recipe = {"pix2pix": dialects.pairs, "cyclegan": dialects.unpaired, "stargan": dialects.unpaired}
    return of_recipe.get(settings.recipe, grammar.corpus)()


def _demo(config: Any, out: Path, n: int, quiet: bool, as_json: bool) -> None:
    from seqgan.demo import run

    run(config, out, n, quiet, as_json)


def _anomalies(*given: Any) -> Any:
    from seqgan.metrics.anomalies import anomaly_table

    return anomaly_table(*given)


HALF = Half(
    name="seqgan",
    about="Train generators of text and SMILES, sample from them, evaluate the samples.",
    sets="shakespeare",
    kinds=".txt .smi .smiles .csv .tsv .parquet .jsonl .fasta",
    suffix="txt",
    sources=_corpora,
    model=_model,
    config=lambda data: "small",
    source=_source,
    demo=Demo(
        "Train on sentences of the bundled grammar, sample and evaluate. Replaces OUT.",
        *(Path("runs/text"), "grammar", 10_000, 4, _demo),
    ),
    anomalies=_anomalies,
)
app = app_of(HALF)

Train = Annotated[
    list[str],
    typer.Option(metavar="shakespeare|FILE", help="Training lines, for novelty and copied spans; repeatable."),
]

Judge = Annotated[
    Path | None,
    typer.Option(metavar="MODEL", help="Trained likelihood model, for perplexity and for features of MAUVE."),
]


@app.command()
def generate(
    run: Annotated[
        Path, typer.Argument(help="Folder of a trained run, a shared model, or a bundled one: smiles-moses.")
    ],
    n: Annotated[
        int | None, typer.Option("-n", min=1, help="Number of texts; default 1000, or 1 for each --infill.")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1000, help="Below 1 favours likely tokens; default 1. --infill: default the likeliest."
        ),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Beginning of every text.")] = "",
    infill: Annotated[
        list[str],
        typer.Option(metavar="LINE", help="A line with ___ for each gap, which is filled; repeatable."),
    ] = [],  # noqa: B006
    top_k: Annotated[int, typer.Option(min=0, help="Sample from this many of the likeliest tokens; 0: all.")] = 0,
    nucleus: Annotated[
        float, typer.Option(min=0.01, max=1, help="Sample from the likeliest tokens with this total probability.")
    ] = 1.0,
    min_length: Annotated[int, typer.Option(min=0, help="Fewest tokens.")] = 0,
    max_length: Annotated[
        int | None, typer.Option(min=1, help="Most tokens; default: as the longest training line.")
    ] = None,
    condition: cli.Condition = [],  # noqa: B006
    guidance: cli.Guidance = 1.0,
    ceiling: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="RATIO",
            help="Density ratio above which the critic accepts every text; a lower one is faster and less strict. "
            "Default: the model's critic.ceiling.",
        ),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path | None, typer.Option(help="File to write, .fasta for FASTA; default: lines on standard output.")
    ] = None,
    device: Device = None,
    which: Which = "last",
    raw: Annotated[bool, typer.Option("--raw", help="Do not use the model's critic.")] = False,
    readable: Annotated[
        bool, typer.Option("--readable", help="Write words as text: no space before a full stop, capitals.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Sample texts from a trained model, one per line, or as FASTA. The first k samples do not depend on n.

    --infill fills the gaps of a line, with a model of recipe maskgan.

    Words are separated by single spaces, as evaluate expects; --readable writes ordinary text.
    """
    from seqgan.gan import SeqGAN

    if out is not None:
        refuse_place(out)
    gan = SeqGAN.load(run, device, which)
    request = cli.request_of(condition)
    if infill:
        from seqgan.recipes.infilling import infilled_lines

        others = {"--prefix": prefix, "--top-k": top_k, "--nucleus": nucleus < 1, "--min-length": min_length}
        others |= {"--max-length": max_length, "--ceiling": ceiling, "--raw": raw}
        n = n or 1
        lines = infilled_lines(gan, infill, n, temperature or 0.0, seed, (request, guidance), others)
        n *= len(infill)
    else:
        n, lengths = n or 1000, (min_length, max_length)
        lines = gan.stream(
            *(n, temperature or 1.0, prefix, seed, top_k, nucleus, *lengths, raw, request, guidance),
            **{"ceiling": ceiling},
        )
    if readable:
        lines = map(gan.readable, lines)
    lines = (" ".join(line.splitlines()) for line in over(lines, "drawing texts", n))
    cli.write_lines(fasta_lines(lines) if out is not None and out.suffix.lower() in SUFFIXES else lines, out)


@app.command()
def translate(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run or a shared model, of a translation recipe.")],
    file: Annotated[Path, typer.Argument(help="Sources, one per line, or any file that train reads, or -.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="File to write: a table (.csv, .tsv, .parquet), or lines; default: lines on standard output."
        ),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of translations of each source.")] = 1,
    temperature: Annotated[
        float, typer.Option(min=0, max=1000, help="0: the likeliest, by beam search; above 0: samples.")
    ] = 0.0,
    beam: Annotated[int, typer.Option(min=0, help="Beam width, at least n; 0: the larger of 5 and n.")] = 0,
    condition: cli.Condition = [],  # noqa: B006
    guidance: cli.Guidance = 1.0,
    column: cli.Column = "",
    seed: Seed = 0,
    device: Device = None,
    which: Which = "last",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Translate sequences with a model of recipe pix2pix, cyclegan or stargan; n lines for each source, in order.

    A condition that is not requested is read from the column of FILE with its name. A source that the model cannot read
    gives an empty line, or a row without a target, and the reason is printed. If FILE has a column target, the command
    prints the share of sources whose first translation is the same.
    """
    from seqgan.gan import SeqGAN
    from seqgan.recipes.sources import Sources, said, write_table

    if out is not None:
        refuse_place(out, file)
    gan = SeqGAN.load(run, device, which)
    sources = Sources.read(file, column, gan.conditions.names if gan.conditions is not None else ())
    request = sources.columns | cli.request_of(condition)
    table = gan.translate(sources.texts, n, request, seed, temperature, beam, guidance)
    if out is not None and out.suffix in (".csv", ".tsv", ".parquet"):
        write_table(table, out)
    elif out is not None or not as_json:
        cli.write_lines(table["target"].fillna("").map(lambda text: " ".join(text.splitlines())), out)
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1))
    for line in said(table, sources, str(file), quiet or as_json):
        typer.echo(line, err=True)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Generated texts, one per line, or any file that train reads, or -.")],
    reference: Annotated[str, typer.Option(metavar="shakespeare|FILE", help="Held-out real lines.")],
    train: Train = [],  # noqa: B006
    column: cli.Column = "",
    tokens: Annotated[
        str | None,
        typer.Option(help="Tokens: word, char, smiles, selfies or protein; default: the run's, or word."),
    ] = None,
    lower: Annotated[bool, typer.Option("--lower", help="Put all lines in lower case first.")] = False,
    run: Annotated[
        Path | None,
        typer.Option(help="Model whose tokens and case are used; default: the run whose folder holds the file."),
    ] = None,
    judge: Judge = None,
    features: Annotated[
        Path | None, typer.Option(metavar="NPY", help="Features of the texts, one row per line, for MAUVE.")
    ] = None,
    reference_features: Annotated[
        Path | None, typer.Option(metavar="NPY", help="Features of the reference, from the same encoder.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate generated texts: BLEU, Self-BLEU, unique, distinct, novel, perplexities, with 95% intervals.

    --judge adds generative perplexity, MAUVE and the Fréchet distance by a trained model. --features and
    --reference-features (files of numpy.save) give MAUVE and the Fréchet distance for your own features. A warning
    says if lines of --train and --reference are easy to tell apart.
    """
    from seqgan.data.corpus import as_lines, read_lines
    from seqgan.data.downloads import CORPORA
    from seqgan.metrics.evaluation import evaluate as evaluate_texts
    from seqgan.text.splitting import pick_tokens

    if (features is None) != (reference_features is None):
        raise ConfigError("--features and --reference-features: give both, of the texts and of the reference.")
    tables = [features, reference_features] if features is not None else []

    vocabulary = pick_tokens(tokens, lower, run, [file, Path(reference)])
    texts = [line for _, line in read_lines(file, column)]
    real = [line for _, line in read_lines(CORPORA.file(reference), column, prefer=True) if line]
    source = CORPORA.files(cli.one_or_more(train))
    training = [line for _, line in as_lines(source, column, prefer=True)[0] if line] if train else None
    if train and not training:
        raise DataError(f"{', '.join(map(str, train))}: holds no lines, so novel means nothing.")
    figures = evaluate_texts(texts, real, training, vocabulary, judge=judge, features=tables)
    typer.echo(figures.to_json() if as_json else str(figures))


@app.command()
def report(
    source: Annotated[Path, typer.Argument(help="A model that generate takes, or a file of texts.")],
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("report.html"),
    train: Train = [],  # noqa: B006
    reference: Annotated[
        str | None,
        typer.Option(metavar="shakespeare|FILE", help="Held-out real lines; default: those of the run."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Number of texts to show.")] = 100,
    n: Annotated[int, typer.Option("-n", min=4, help="Number of samples from a model.")] = 1000,
    temperature: Annotated[
        list[float],
        typer.Option(min=0.01, help="Temperature of a point of the curve; repeatable; default: 0.7 to 1.1."),
    ] = [],  # noqa: B006
    seed: Seed = 0,
    column: cli.Column = "",
    tokens: Annotated[str | None, typer.Option(help="Tokens, as for evaluate; default: the model's, or word.")] = None,
    lower: Annotated[bool, typer.Option("--lower", help="Put all lines in lower case first.")] = False,
    condition: cli.Condition = [],  # noqa: B006
    judge: Judge = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write an HTML page about a model or a file of texts.

    It has metrics, the curve of quality against diversity over temperatures, repeated spans, and texts with their
    nearest training lines. Prints the path of the page; with --json also its metrics.
    """
    from seqgan.reporting.page import TEMPERATURES
    from seqgan.reporting.page import report as make

    refuse_place(out, source, *map(Path, train), *([Path(reference)] if reference else []))
    curve, training = temperature or TEMPERATURES, cli.one_or_more(train)
    split = tokens, lower, column, cli.request_of(condition), judge
    cli.write_report(make(source, training, reference, top, n, seed, curve, *split), out, as_json)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    train: Train = [],  # noqa: B006
    reference: Annotated[
        str | None,
        typer.Option(metavar="shakespeare|FILE", help="Held-out real lines, for the metrics of the card."),
    ] = None,
    column: cli.Column = "",
    figures: Annotated[
        Path | None,
        typer.Option(help="Metrics for the card: a file with the output of `evaluate --json`."),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=4, help="Number of samples for the metrics of the card.")] = 10_000,
    seed: Seed = 0,
    data: Annotated[str, typer.Option(help="Description of the training data, one sentence for the card.")] = "",
    which: Which = "last",
    compact: cli.Compact = False,
    transformers: Annotated[
        bool, typer.Option("--transformers", help="Write for the package transformers instead; only model.kind=gpt2.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model to share: one file that generate, SeqGAN.load and from_pretrained read, and a model card.

    With --json the metrics of the card are printed. With --transformers there is no card.
    """
    from seqgan.gan import SeqGAN

    cli.refuse_model(out)
    if train and reference is None:
        raise ConfigError("--train: the card has figures only with --reference; give it as well.")
    if figures is not None and reference is not None:
        raise ConfigError("--figures and --reference: the card has the figures of one of them; leave one out.")
    given = {"--reference": reference, "--figures": figures, "--data": data, "--compact": compact, "--json": as_json}
    if transformers and (of_card := [name for name, value in given.items() if value]):
        raise ConfigError(f"--transformers: there is no card, which {of_card[0]} is for; leave one of them out.")
    card_figures = cli.read_figures(figures) if figures is not None else None
    gan = SeqGAN.load(run, checkpoint=which)
    if transformers:
        gan.save_transformers(out)
        return
    if reference is not None:
        from seqgan.data.corpus import as_lines
        from seqgan.data.downloads import CORPORA

        column, source = column or gan.config.data.column, cli.one_or_more(train)
        real = [line for _, line in as_lines(CORPORA.file(reference), column, prefer=True)[0]]
        training = [line for _, line in as_lines(CORPORA.files(source), column, prefer=True)[0]] if train else None
        card_figures = gan.evaluate(n, real, seed=seed, train=training)
    export_model(HALF, gan, run, out, card_figures, data, compact, as_json, quiet)


finish(app, HALF)


def main() -> None:
    """Run the command line."""
    cli.run(app, "seqgan")


if __name__ == "__main__":
    main()
