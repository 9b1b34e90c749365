"""Commands of `molgan library`: build a library, query it, export it, merge several, say what one holds."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gancore.facade import cli
from gancore.facade.cli import AsJson, Quiet
from gancore.facade.commands import Which
from molgan.library import options

_Folder = Annotated[Path, typer.Argument(metavar="LIBRARY", help="Folder of a library.")]
_WhereOf = Annotated[str, typer.Option(help="SQL condition over the columns; only these molecules.")]


class _BuildFirst(TyperGroup):
    """`molgan library MODEL ...` is `molgan library build MODEL ...`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the command in front where it is left out."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "--quiet", "--json"):
            args = ["build", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_BuildFirst,
    help="Libraries of any size. molgan library MODEL -n 1000000 --where ... --out FOLDER builds one; "
    "molgan library build --help lists its options. The other commands work on a library.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def build(
    model: Annotated[
        str,
        typer.Argument(help="A model that generate takes, a string model, a file of molecules, or MODULE:FUNCTION."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the library; a stopped run in it is resumed.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Distinct molecules to add.")] = 10_000,
    where: Annotated[str, typer.Option(help="SQL condition over the columns that each molecule must meet.")] = "",
    column: Annotated[list[str], typer.Option(metavar="NAME", help="Further column to write; repeatable.")] = [],  # noqa: B006
    score: Annotated[
        str, typer.Option(help="TOML file with a [score] table, or the name of a score; adds its columns.")
    ] = "",
    cache: Annotated[
        str, typer.Option(help="File that stores the score's values; default OUT/scores.sqlite with a plug-in.")
    ] = "",
    known: Annotated[
        list[str],
        typer.Option(metavar="qm9|moses|zinc|FILE", help="Known molecules, for novel and nearest; repeatable."),
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same library.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Number of processes; 0: one per usable core.")] = 0,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask scheduler to use instead of local processes.")
    ] = "",
    samples: Annotated[int, typer.Option(min=0, help="Stop after this many samples; 0: no limit.")] = 0,
    minutes: Annotated[float, typer.Option(min=0, help="Stop after this many minutes; 0: no limit.")] = 0,
    disk: Annotated[float, typer.Option(min=0, help="Stop at this many GB of files; 0: no limit.")] = 0,
    patience: Annotated[
        int, typer.Option(min=1, help="Stop after this many samples in a row that add no molecule.")
    ] = 50_000,
    draws: Annotated[int, typer.Option(min=1, help="Samples in a shard, the unit of work.")] = 2000,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Estimate time, disk and acceptance from few samples.")
    ] = False,
    pick: Annotated[int, typer.Option(min=0, help="Then write this many diverse molecules to picked.parquet.")] = 0,
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
    require: options.Require = [],  # noqa: B006
    forbid: options.Forbid = [],  # noqa: B006
    which: Which = "last",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Sample until n distinct molecules pass a filter, and write Parquet files and a manifest.

    Each row says where its molecule comes from. The folder holds the same molecules whatever the number of workers.
    The same command resumes a run that was stopped or killed. Another model, seed or filter adds new molecules.
    """
    from molgan.library.build import run
    from molgan.library.estimate import estimate, lines
    from molgan.library.jobs import prepare
    from molgan.library.query import PICKED
    from molgan.library.settings import LibraryConfig

    settings = LibraryConfig(
        n=n,
        where=where,
        columns=tuple(column),
        score=score,
        cache=cache,
        known=tuple(known),
        seed=seed,
        draws=draws,
        samples=samples,
        minutes=minutes,
        disk=disk,
        patience=patience,
        workers=workers,
        scheduler=scheduler,
    ).validated()
    requested = {"condition": cli.request_of(condition), "guidance": guidance, "optional": optional, "linked": linked}
    requested |= {"tolerance": cli.request_of(tolerance, "--tolerance"), "size": size, "added": added}
    requested |= {"ceiling": ceiling, "precision": precision, "require": require, "forbid": forbid}
    job = prepare(model, settings, None, fragments, which, requested)
    if dry_run:
        told = estimate(job)
        typer.echo(json.dumps(told, indent=1) if as_json else lines(told))
        return
    made = run(job, out)
    picked = len(made.pick(pick)) if pick else None
    if picked is not None and not as_json:
        typer.echo(f"{made.folder / PICKED}: {picked:,} molecules")
    typer.echo(json.dumps(made.info(), indent=1) if as_json else str(made))


@app.command()
def query(
    library: _Folder,
    sql: Annotated[str, typer.Argument(help="DuckDB query about the table library.")],
    out: Annotated[Path | None, typer.Option(help="Table to write: .csv or .parquet; default standard output.")] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Query a library with SQL, for instance "select count(*), avg(qed) from library"."""
    from gancore.io.atomic_write import refuse_place, whole
    from molgan.library.query import LibraryFolder
    from molgan.reporting.scored_file import refuse_table

    if out is not None:
        refuse_table(out)
        refuse_place(out)
    frame = LibraryFolder(library).query(sql)
    if out is not None:
        with whole(out) as place:
            frame.to_parquet(place, index=False) if out.suffix == ".parquet" else frame.to_csv(place, index=False)
    elif as_json:
        typer.echo(frame.to_json(orient="records", indent=1))
    else:
        typer.echo(frame.to_csv(index=False), nl=False)


@app.command()
def export(
    library: _Folder,
    out: Annotated[Path, typer.Option(help="File to write: .smi, .csv, .parquet or .sdf.")],
    where: _WhereOf = "",
    conformers: Annotated[bool, typer.Option("--3d", help="3D coordinates by ETKDG, with hydrogens (.sdf).")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the coordinates.")] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write the molecules of a library to one file."""
    from molgan.library.export import export as write
    from molgan.library.query import LibraryFolder

    count = write(LibraryFolder(library), out, where, conformers, seed)
    typer.echo(json.dumps({"file": str(out), "molecules": count}) if as_json else f"{out}: {count:,} molecules")


@app.command()
def merge(
    libraries: Annotated[list[Path], typer.Argument(metavar="LIBRARY...", help="Folders of libraries.")],
    out: Annotated[Path, typer.Option(help="New folder for all of them.")],
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make one library of several; each molecule is kept once, from the first that has it."""
    from molgan.library.merge import merge as join

    made = join(libraries, out)
    told = {"library": str(out), "molecules": len(made)}
    typer.echo(json.dumps(told) if as_json else f"{out}: {len(made):,} molecules")


@app.command()
def info(
    library: _Folder,
    check: Annotated[bool, typer.Option("--check", help="Compare every file with its sha256.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what a library holds: its runs, the fate of their samples, and where the time went."""
    from molgan.library.manifest import refuse_damaged
    from molgan.library.query import LibraryFolder

    made = LibraryFolder(library)
    if check:
        refuse_damaged(made.manifest, library)
    typer.echo(json.dumps(made.info(), indent=1) if as_json else str(made))
