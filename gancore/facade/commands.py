"""The commands of both command lines, demo, train, doctor, runs, family and data, and the end of their exports."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from gancore.facade import cli
from gancore.facade.anomaly_commands import anomalies_command
from gancore.facade.cli import AsJson, Column, Quiet

if TYPE_CHECKING:
    from gancore.facade.doctor import Finding
    from gancore.facade.model import Model
    from gancore.io.downloads import Sources
    from gancore.statistics.evaluation import Evaluation

Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override one setting; repeatable.")]
Which = Annotated[str, typer.Option("--checkpoint", help="last, best or the number of a step.")]
Device = Annotated[str | None, typer.Option(help="auto, cpu or cuda.")]


class Demo(NamedTuple):
    """The demo command of a program.

    help: its help text. out: the default folder. config: the default configuration. samples: their default number.
    fewest: the smallest number allowed. run: does the work.
    """

    help: str
    out: Path
    config: str
    samples: int
    fewest: int
    run: Callable[[Any, Path, int, bool, bool], None]


class Half(NamedTuple):
    """One of the two programs, molgan or seqgan, as the shared commands see it.

    Functions stand for what is slow to import, so that nothing is imported before it is needed.

    name: of the program. about: one sentence. sets: the data sets by name, for help texts. kinds: the files that
    training reads. suffix: of a file of samples. sources: data sets to fetch. model: the facade. config: the
    configuration that `train` takes by default, from the names of the data. source: what `train` reads by default, from
    the settings and the start. computed: what else a condition can be, for a help text. checks: of the doctor, beside
    the common ones. anomalies: what reads the table of the command of that name.
    """

    name: str
    about: str
    sets: str
    kinds: str
    suffix: str
    sources: "Callable[[], Sources]"
    model: "Callable[[], type[Model]]"
    config: Callable[[Sequence[str]], str]
    source: Callable[[Any, str | None], Any]
    demo: Demo
    computed: str = ""
    checks: "Sequence[Callable[[], Iterable[Finding]]]" = ()
    anomalies: Callable[..., Any] | None = None


def app_of(half: Half) -> typer.Typer:
    """A command line with the shared commands."""
    app = typer.Typer(
        help=half.about,
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(cli.options)
    app.add_typer(cli.data_app(half.sources), name="data")
    app.command("demo", help=half.demo.help)(_demo(half.demo, half))
    app.command("train")(_train(half))
    return app


def finish(app: typer.Typer, half: Half) -> None:
    """Add the shared commands that help lists last."""
    if half.anomalies is not None:
        named = "A trained run, a shared model, or a bundled model of either program, such as qm9 or smiles-moses."
        app.command("anomalies")(anomalies_command(half.anomalies, half.sets, named))
    app.command("doctor")(_doctor(half))
    app.command("runs")(_runs)
    app.command("family")(_family(half))


def _demo(about: Demo, half: Half) -> Callable[..., None]:
    def demo(
        out: Annotated[Path, typer.Option(help="Where to write.")] = about.out,
        config: Annotated[str, typer.Option(help="Configuration: bundled name or TOML file.")] = about.config,
        n: Annotated[int, typer.Option("-n", min=about.fewest, help="Number of samples.")] = about.samples,
        seed: Seed = 0,
        overrides: Set = [],  # noqa: B006
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        union = half.model().domain.config_class
        about.run(union.load(config, [*overrides, f"seed={seed}"]), out, n, quiet, as_json)

    return demo


def _train(half: Half) -> Callable[..., None]:
    def train(
        data: Annotated[
            list[str],
            typer.Option(
                metavar=f"{half.sets}|FILE",
                help=f"Rows: a data set by name, or a file: {half.kinds}, also .gz; - for standard input; repeatable.",
            ),
        ] = [],  # noqa: B006
        column: Column = "",
        out: Annotated[Path, typer.Option(help="Run folder to create.")] = Path(f"runs/{half.name}"),
        config: Annotated[
            str | None,
            typer.Option(help="Bundled name or TOML file; default: that of --start, or the bundled default."),
        ] = None,
        seed: Annotated[int | None, typer.Option(min=0, help="Overrides the configuration's seed.")] = None,
        overrides: Set = [],  # noqa: B006
        start: Annotated[
            str | None,
            typer.Option(
                help="Model to start from: a run, a shared or a bundled model. Its recipe and sizes are kept."
            ),
        ] = None,
        condition: Annotated[
            list[str],
            typer.Option(
                metavar="NAME",
                help="What samples can be requested by: a column of the data (NAME or NAME:class), "
                f"{half.computed}or NAME=MODULE:FUNCTION, which labels the rows; repeatable.",
            ),
        ] = [],  # noqa: B006
        resume: Annotated[
            bool, typer.Option("--resume", help="Continue from the last checkpoint in the folder.")
        ] = False,
        force: Annotated[bool, typer.Option("--force", help="Resume even if settings or data differ.")] = False,
        quiet: Quiet = False,
    ) -> None:
        """Train a generator on a file.

        OUT/rejected.csv lists rows that cannot be used, with reasons. OUT/metrics.jsonl is the log, and
        OUT/config.toml has the values of all settings.
        """
        model = half.model()
        configuration = config or half.config(data)
        if start and not config:
            from gancore.runs import pretrained

            configuration = pretrained.settings(start, half.name)
        options = ([f"seed={seed}"] if seed is not None else []) + ([f"data.column={column}"] if column else [])
        settings = model.domain.config_class.load(configuration, [*overrides, *options])
        from gancore.training import distributed

        source = cli.one_or_more(data) or half.source(settings, start)
        model(settings).fit(source, out=out, resume=resume, quiet=quiet, start=start, force=force, condition=condition)
        if not quiet and not distributed.rank():
            typer.echo(f"trained: {out}; next: {half.name} generate {out} -n 1000 --out new.{half.suffix}", err=True)

    return train


def _doctor(half: Half) -> Callable[..., None]:
    def doctor(as_json: AsJson = False, quiet: Quiet = False) -> None:
        """Check installation, devices, data sets and bundled models, and say what to fix; exit code 1 for a fault."""
        from gancore.facade import doctor
        from gancore.runs import pretrained

        def models() -> "Iterable[Finding]":
            facade: Any = half.model()
            return doctor.bundled_models(pretrained.bundled(half.name), lambda name: facade.load(name, "cpu").sample(3))

        checks = [*doctor.common(half.sources), *half.checks, models]
        cli.show_findings(doctor.examine(checks), as_json, quiet)

    return doctor


def _family(half: Half) -> Callable[..., None]:
    def family(as_json: AsJson = False, quiet: Quiet = False) -> None:
        """List the members of the GAN family: paper, code, options of `train` that select them, results."""
        from gancore.facade import family

        typer.echo(json.dumps(family.rows(half.name), indent=1) if as_json else "\n".join(family.text(half.name)))

    return family


def _runs(
    folders: Annotated[list[Path], typer.Argument(help="A folder of runs to list, or two runs to compare.")] = [  # noqa: B006
        Path("runs")
    ],
    out: Annotated[Path | None, typer.Option(help="PNG file for the training curves.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """List runs, or compare two: settings that differ, last metrics, training curves."""
    cli.show_runs(folders, out, as_json)


def export_model(
    half: Half,
    gan: Any,
    run: Path,
    out: Path,
    figures: "Evaluation | None",
    data: str,
    compact: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a model to share with its card and the log of its run; print the card's figures where JSON is asked for."""
    gan.save_pretrained(out, figures, data, compact)
    cli.copy_log(run, out)
    if as_json:
        typer.echo(figures.to_json() if figures is not None else "{}")
    if not quiet:
        typer.echo(f"{out}; next: {half.name} generate {out} -n 1000 --out new.{half.suffix}", err=True)
