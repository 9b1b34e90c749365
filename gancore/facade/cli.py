"""What the command lines of molgan and seqgan share: errors and exit codes, options, and how lines are written."""

import json
import shutil
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gancore.errors import ConfigError, DataError, RunError, UserError
from gancore.io.atomic_write import refuse_place, whole
from gancore.io.progress import hush

if TYPE_CHECKING:
    from gancore.facade.doctor import Finding
    from gancore.io.downloads import Sources
    from gancore.reporting.page import Report
    from gancore.statistics.evaluation import Evaluation


_NO_MEMORY = ("out of memory", "can't allocate memory")  # what torch says, of CUDA and of the CPU


def run(app: Callable[[], object], name: str) -> None:
    """Run a command line; a foreseeable failure is one sentence on standard error.

    Exit codes: 0 done, 1 it failed, 2 a wrong option or setting, 130 and 143 it was interrupted.
    """
    previous_handlers = {}
    for interrupt, default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
        if signal.getsignal(interrupt) is default:
            previous_handlers[interrupt] = signal.signal(interrupt, lambda number, frame: sys.exit(128 + number))
    _escape_characters()
    from gancore.io.notes import print_notes

    try:
        with warnings.catch_warnings():
            print_notes(name)
            _call(app, name)
    finally:
        hush(False)
        for interrupt, handler in previous_handlers.items():  # a caller gets its own back
            signal.signal(interrupt, handler)


def _call(app: Callable[[], object], name: str) -> None:
    try:
        app()
    except UserError as error:
        _fail(name, str(error), 2 if isinstance(error, ConfigError) else 1)
    except OSError as error:
        _fail(name, f"{error.filename}: {error.strerror}." if error.filename else str(error), 1)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not any(text in str(error) for text in _NO_MEMORY):
            raise
        _fail(name, "there is not enough memory; draw fewer at a time, or make batch or [model] smaller.", 1)


def _escape_characters() -> None:
    """Write characters that the terminal lacks as escapes, instead of raising an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and stream.errors in (None, "strict", "surrogateescape"):
            reconfigure(errors="backslashreplace")


def _print_version(version_option: bool) -> bool:
    if version_option:
        from importlib.metadata import version

        typer.echo(version("discretegan"))
        raise typer.Exit
    return version_option


def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """The options of every program, before a command."""


def _fail(name: str, message: str, code: int) -> None:
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(code)


def write_lines(lines: Iterable[str], out: Path | None) -> None:
    """Write lines to a file, complete or not at all, or to standard output.

    Raises RunError where standard output lacks a character: an escape in its place would change the line.
    """
    terminated = (f"{line}\n" for line in lines)
    if out is None:
        sys.stdout.writelines(map(_as_encodable, terminated))
        return
    with whole(out) as place, open(place, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(terminated)


def _as_encodable(line: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        line.encode(encoding)
    except UnicodeEncodeError as error:
        character = line[error.start].encode("unicode_escape").decode()
        hint = "set PYTHONIOENCODING=utf-8, or write to a file with --out"
        raise RunError(f"standard output is {encoding}, which has no {character}; {hint}.") from None
    return line


Condition = Annotated[
    list[str], typer.Option("--condition", metavar="NAME=VALUE", help="A value requested of every sample; repeatable.")
]
Guidance = Annotated[
    float, typer.Option("--guidance", help="Above 1: samples follow the request more strongly, with less variety.")
]
Column = Annotated[
    str, typer.Option("--column", metavar="NAME", help="Column of the table to read; default: one with a known name.")
]


def one_or_more(names: Sequence[str | Path]) -> Any:
    """None for no name, the name or path itself for one, paths for several."""
    return [Path(path) for path in names] if len(names) > 1 else next(iter(names), None)


def request_of(options: Sequence[str], option: str = "--condition") -> dict[str, str]:
    """The values of options NAME=VALUE. Raises ConfigError for one that is not written so.

    >>> request_of(["logp=2.5"])
    {'logp': '2.5'}
    """
    request = {}
    for text in options:
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or not value:
            raise ConfigError(f"{option} {text}: write it as NAME=VALUE, for instance logp=2.")
        if name in request:
            raise ConfigError(f"{option} {text}: {name} is given twice.")
        request[name] = value
    return request


def write_report(report: "Report", out: Path, as_json: bool) -> None:
    """Write a page and print its path; or both its path and its figures as JSON."""
    written = report.write(out)
    content = {"page": str(written), "figures": json.loads(report.figures.to_json())}
    typer.echo(json.dumps(content, indent=1) if as_json else written)
    print_doubt(report.figures.doubt)


def print_doubt(doubt: str) -> None:
    """Print on standard error what makes figures doubtful, if anything does."""
    if doubt:
        typer.echo(f"note: {doubt}", err=True)


def _hush(quiet: bool) -> bool:
    hush(quiet)
    return quiet


Quiet = Annotated[
    bool, typer.Option("--quiet", callback=_hush, help="Print only results and errors: no progress, no messages.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the results as JSON, and nothing else.")]
Compact = Annotated[bool, typer.Option("--compact", help="Round the weights to 16 bits: half the size.")]
_DataName = Annotated[str, typer.Argument(help="Name of the data set, as `data list` prints it.")]


def data_app(load: "Callable[[], Sources]") -> typer.Typer:
    """The commands `data list | fetch | path` for the data sets of `load`."""
    app = typer.Typer(help="List and download further data sets.", no_args_is_help=True)

    @app.command("list")
    def list_data(
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        """List the data sets that can be downloaded, and where the downloaded ones are."""
        sources = load()
        data_sets = {name: (about, sources.find(name)) for name, about in sources.about().items()}
        if as_json:
            rows = {name: {"about": about, "path": path and str(path)} for name, (about, path) in data_sets.items()}
            typer.echo(json.dumps(rows, indent=1))
            return
        for name, (about, path) in data_sets.items():
            typer.echo(f"{name}: {about}; {path or 'not fetched yet'}")

    @app.command("fetch")
    def fetch_data(
        name: _DataName,
        archive: Annotated[
            Path | None, typer.Option("--from", help="Copy of the archive to use instead of a download.")
        ] = None,
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        """Download a data set if it is not there yet, check it, and print where it is."""
        _print_place(name, load().fetch(name, archive, quiet), as_json)

    @app.command("path")
    def path_of_data(name: _DataName, as_json: AsJson = False, quiet: Quiet = False) -> None:
        """Print where a downloaded data set is."""
        _print_place(name, load().path(name), as_json)

    return app


def _print_place(name: str, path: Path, as_json: bool) -> None:
    typer.echo(json.dumps({"name": name, "path": str(path)}) if as_json else path)


def show_runs(folders: list[Path], out: Path | None, as_json: bool) -> None:
    """List the runs in one folder, or compare two runs: settings, last figures, and their curves as a PNG."""
    from rich.console import Console
    from rich.table import Table

    from gancore.runs.compare import Run, compare, draw_curves, find_runs, overview

    if len(folders) > 2:
        raise ConfigError("give one folder of runs to list them, or two runs to compare.")
    if out is not None and out.suffix.lower() != ".png":
        raise ConfigError(f"{out}: the curves are drawn as a picture; name it .png.")
    if out is not None:
        refuse_place(out)
    runs = find_runs(folders[0]) if len(folders) == 1 else [Run.read(folder) for folder in folders]
    if out is not None:
        draw_curves(runs, out)
    summary = overview(runs) if len(folders) == 1 else compare(*runs)
    if as_json:
        print(json.dumps(summary, indent=1))
        return
    if isinstance(summary, list):
        columns, rows = list(summary[0]), [list(row.values()) for row in summary]
    else:
        columns = ["", *summary["runs"]]
        rows = [[key, *pair] for part in ("settings", "figures") for key, pair in summary[part].items()]
    table = Table(*columns)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def show_findings(findings: "Iterable[Finding]", as_json: bool, quiet: bool = False) -> None:
    """Print the findings of the doctor, then its advice. Exits with 1 where there is a fault.

    quiet: faults only.
    """
    shown = [finding for finding in findings if not quiet or finding.state == "fault"]
    if as_json:
        print(json.dumps([finding._asdict() for finding in shown], indent=1))
    else:
        for finding in shown:
            typer.echo(f"{finding.state:5} {finding.check}: {finding.found}")
        for finding in shown:
            if finding.advice:
                color = typer.colors.RED if finding.state == "fault" else None
                typer.secho(f"{finding.state}: {finding.check}: {finding.advice}.", fg=color)
    if any(finding.state == "fault" for finding in shown):
        sys.exit(1)


def refuse_model(out: Path) -> None:
    """Raise RunError for a folder that holds an exported model or a run."""
    from gancore.runs.pretrained import FILE, refuse_run

    refuse_run(out)
    if (out / FILE).exists():
        raise RunError(f"{out}: holds a model already; give another folder, or remove it.")


def read_figures(path: Path) -> "Evaluation":
    """Figures that `evaluate --json` printed into a file. Raises DataError, one sentence, for any other file."""
    from gancore.io.text_files import readable
    from gancore.statistics.evaluation import Evaluation

    with readable(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return Evaluation.from_json(text)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def copy_log(run: Path, out: Path) -> None:
    """Put a run's log beside the model that was made of it, where the run has one."""
    log = run / "metrics.jsonl"
    if log.is_file():
        shutil.copyfile(log, out / log.name)


def replace_folder(out: Path) -> None:
    """Make an empty folder for a demo; one that a demo made before is replaced.

    Raises RunError when it holds anything else.
    """
    mark = out / ".demo"
    if out.exists() and any(out.iterdir()) and not mark.exists():
        raise RunError(f"{out}: holds files that no demo made; give an empty or new folder.")
    if out.exists():
        shutil.rmtree(out)
    out.mkdir(parents=True)
    mark.touch()
