"""The command line: `seqgan demo | train | generate | evaluate | export | runs | data | doctor`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done, 1 it
failed (one sentence says why), 2 it was asked for wrongly, 130 or 143 it was interrupted.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gancore.errors import ConfigError, DataError
from gancore.facade import cli
from gancore.io.atomic_write import refuse_place
from gancore.io.progress import over

if TYPE_CHECKING:
    from gancore.io.downloads import Sources

app = typer.Typer(
    help="Train generators of token sequences (text, SMILES), sample them, judge what they say.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _corpora() -> "Sources":
    from seqgan.data.downloads import CORPORA

    return CORPORA


app.callback()(cli.options)
app.add_typer(cli.data_app(_corpora), name="data")

Train = Annotated[
    list[str],
    typer.Option(metavar="shakespeare|FILE", help="The lines trained on, to tell what is novel or copied; repeatable."),
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override one setting; repeatable.")]
Quiet = cli.Quiet
AsJson = cli.AsJson


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where to write.")] = Path("runs/text"),
    config: Annotated[str, typer.Option(help="Configuration to train with: bundled name or TOML file.")] = "grammar",
    n: Annotated[int, typer.Option("-n", min=4, help="Texts to judge.")] = 10_000,
    seed: Seed = 0,
    overrides: Set = [],  # noqa: B006
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """The whole way on the embedded grammar corpus: train, sample, judge. Replaces OUT."""
    from seqgan.demo import run
    from seqgan.recipes.config import Config

    run(Config.load(config, [*overrides, f"seed={seed}"]), out, n, quiet, as_json)


@app.command()
def train(
    data: Annotated[
        list[str],
        typer.Option(
            metavar="shakespeare|FILE",
            help="Lines: a data set by name, or a file: .txt .smi .smiles .csv .tsv .parquet .jsonl, also .gz; - for "
            "standard input; repeatable; default a grammar's.",
        ),
    ] = [],  # noqa: B006
    column: cli.Column = "",
    out: Annotated[Path, typer.Option(help="The run folder to make.")] = Path("runs/seqgan"),
    config: Annotated[
        str | None,
        typer.Option(
            help="Bundled name (captions, grammar, oracle, small, smiles, smiles-moses-first, smiles-moses) or TOML "
            "file; default: that of --start, or small."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Overrides the configuration's seed.")] = None,
    overrides: Set = [],  # noqa: B006
    start: Annotated[
        str | None,
        typer.Option(help="A model to begin with (its generator, its tokens): a run, a shared, a bundled one."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the folder's last checkpoint.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Resume with other settings or data all the same.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train a generator on a file of lines.

    Lines that cannot be used are listed with their reasons in OUT/rejected.csv; progress is in OUT/metrics.jsonl,
    all settings with their values in OUT/config.toml.
    """
    from seqgan.recipes.config import Config

    chosen = config or "small"
    if start and not config:
        from gancore.runs import pretrained

        chosen = pretrained.settings(start, "seqgan")
    more = ([f"seed={seed}"] if seed is not None else []) + ([f"data.column={column}"] if column else [])
    settings = Config.load(chosen, [*overrides, *more])
    from gancore.training import distributed
    from seqgan.data import grammar
    from seqgan.gan import SeqGAN

    unread = start is not None and not settings.needs_lines
    lines = cli.one_or_more(data) or (None if unread else grammar.corpus())
    SeqGAN(settings).fit(lines, out=out, resume=resume, quiet=quiet, start=start, force=force)
    if not quiet and not distributed.rank():
        typer.echo(f"trained: {out}; next: seqgan generate {out} -n 1000 --out new.txt", err=True)


@app.command()
def generate(
    run: Annotated[
        Path, typer.Argument(help="Folder of a trained run, a shared model, or a bundled one: smiles-moses.")
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many texts.")] = 1000,
    temperature: Annotated[float, typer.Option(min=0.01, max=1000, help="Below 1 favours the likely.")] = 1.0,
    prefix: Annotated[str, typer.Option(help="What every text begins with.")] = "",
    top_k: Annotated[int, typer.Option(min=0, help="Draw from so many of the likeliest tokens; 0: all.")] = 0,
    nucleus: Annotated[
        float, typer.Option(min=0.01, max=1, help="Draw from the likeliest with this probability.")
    ] = 1.0,
    min_length: Annotated[int, typer.Option(min=0, help="Fewest tokens.")] = 0,
    max_length: Annotated[int | None, typer.Option(min=1, help="Most tokens; default the longest line's.")] = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(help="File to write; default standard output.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
    which: Annotated[str, typer.Option("--checkpoint", help="last, best or the number of a step.")] = "last",
    raw: Annotated[bool, typer.Option("--raw", help="Leave out the critic that a model asks.")] = False,
    readable: Annotated[
        bool, typer.Option("--readable", help="Write words as text: no space before a full stop, capitals.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Draw texts from a trained model, one a line. The first k of n draws do not depend on n.

    Words are written with one space between them, as evaluate splits them; --readable is for readers.
    """
    from seqgan.gan import SeqGAN

    if out is not None:
        refuse_place(out)
    gan = SeqGAN.load(run, device, which)
    lines = gan.stream(n, temperature, prefix, seed, top_k, nucleus, min_length, max_length, raw)
    if readable:
        lines = map(gan.readable, lines)
    cli.write_lines((" ".join(line.splitlines()) for line in over(lines, "drawing texts", n)), out)


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Generated texts, one a line, or any file that train reads, or -.")],
    reference: Annotated[str, typer.Option(metavar="shakespeare|FILE", help="Real lines that were not trained on.")],
    train: Train = [],  # noqa: B006
    column: cli.Column = "",
    tokens: Annotated[
        str | None, typer.Option(help="How lines are split: word, char, smiles or selfies; default the run's, or word.")
    ] = None,
    lower: Annotated[bool, typer.Option("--lower", help="Put all lines in lower case first.")] = False,
    run: Annotated[
        Path | None,
        typer.Option(help="A model whose tokens and case are used; default the run in whose folder a file lies."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Judge generated texts: BLEU, Self-BLEU, unique, distinct, novel, with 95% intervals."""
    from seqgan.data.corpus import as_lines, read_lines
    from seqgan.data.downloads import CORPORA
    from seqgan.metrics.evaluation import evaluate as judge
    from seqgan.text.splitting import pick_tokens

    chosen = pick_tokens(tokens, lower, run, [file, Path(reference)])
    texts = [line for _, line in read_lines(file, column)]
    real = [line for _, line in read_lines(CORPORA.file(reference), column, prefer=True) if line]
    seen = CORPORA.files(cli.one_or_more(train))
    known = [line for _, line in as_lines(seen, column, prefer=True)[0] if line] if train else None
    if train and not known:
        raise DataError(f"{', '.join(map(str, train))}: holds no lines, so novel means nothing.")
    figures = judge(texts, real, known, chosen)
    typer.echo(figures.to_json() if as_json else str(figures))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a trained run.")],
    out: Annotated[Path, typer.Option(help="Folder to write the model to.")],
    train: Train = [],  # noqa: B006
    reference: Annotated[
        str | None,
        typer.Option(metavar="shakespeare|FILE", help="Real lines, for the figures of the card; without, it has none."),
    ] = None,
    column: cli.Column = "",
    figures: Annotated[
        Path | None,
        typer.Option(help="Figures for the card from elsewhere: what `evaluate --json` printed."),
    ] = None,
    n: Annotated[int, typer.Option("-n", min=4, help="Draws that the card's figures rest on.")] = 10_000,
    seed: Seed = 0,
    data: Annotated[str, typer.Option(help="What it was trained on, a sentence for the card.")] = "",
    which: Annotated[str, typer.Option("--checkpoint", help="last, best or the number of a step.")] = "last",
    compact: cli.Compact = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a model to share: one file that generate, SeqGAN.load and from_pretrained read, and a card with figures.

    With --json the figures of the card are printed.
    """
    from seqgan.gan import SeqGAN

    cli.refuse_model(out)
    if train and reference is None:
        raise ConfigError("--train: the card has figures only with --reference; give it as well.")
    if figures is not None and reference is not None:
        raise ConfigError("--figures and --reference: the card has the figures of one of them; leave one out.")
    told = cli.read_figures(figures) if figures is not None else None
    gan = SeqGAN.load(run, checkpoint=which)
    if reference is not None:
        from seqgan.data.corpus import as_lines
        from seqgan.data.downloads import CORPORA

        column, seen = column or gan.config.data.column, cli.one_or_more(train)
        real = [line for _, line in as_lines(CORPORA.file(reference), column, prefer=True)[0]]
        known = [line for _, line in as_lines(CORPORA.files(seen), column, prefer=True)[0]] if train else None
        told = gan.evaluate(n, real, seed=seed, train=known)
    gan.save_pretrained(out, told, data, compact)
    cli.copy_log(run, out)
    if as_json:
        typer.echo(told.to_json() if told is not None else "{}")
    if not quiet:
        typer.echo(f"{out}; next: seqgan generate {out} -n 1000 --out new.txt", err=True)


@app.command()
def doctor(as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Check installation, devices, data sets and bundled models, and say what to do; exit code 1 for a fault."""
    from gancore.facade import doctor
    from gancore.runs import pretrained

    def models() -> "Iterable[doctor.Finding]":
        from seqgan.gan import SeqGAN

        return doctor.bundled_models(pretrained.bundled("seqgan"), lambda name: SeqGAN.load(name, "cpu").sample(3))

    cli.show_findings(doctor.examine([*doctor.common(_corpora), models]), as_json, quiet)


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
    cli.run(app, "seqgan")


if __name__ == "__main__":
    main()
