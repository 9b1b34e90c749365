"""Commands of `molgan` that choose among molecules: `pick` and `cluster`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gancore.errors import ConfigError
from gancore.facade import cli
from gancore.facade.cli import AsJson, Quiet
from gancore.facade.commands import Seed

if TYPE_CHECKING:
    from molgan.library.picked_file import MoleculeTable, Picked

_OUT = (".csv", ".parquet", ".smi")
File = Annotated[Path, typer.Argument(help="Molecules: a file that train reads, or - (standard input).")]


def pick(
    file: File,
    out: Annotated[Path, typer.Option(help="File to write: .csv, .parquet or .smi.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Number of molecules to pick.")] = 1000,
    by: Annotated[
        Literal["maxmin", "sphere", "scaffold", "cluster"],
        typer.Option(help="maxmin: far apart. sphere: no two similar. scaffold, cluster: the best of each."),
    ] = "maxmin",
    rank_by: Annotated[
        str, typer.Option("--rank-by", metavar="NAME", help="Column of numbers, higher is better; default: row order.")
    ] = "",
    lowest: Annotated[bool, typer.Option("--lowest", help="Lower is better in that column.")] = False,
    threshold: Annotated[
        float | None,
        typer.Option(help="sphere: highest similarity of two picks, default 0.35. cluster: lowest mean, default 0.65."),
    ] = None,
    each: Annotated[
        int | None,
        typer.Option(min=1, help="scaffold, cluster: most picks from each; default 1.", show_default=False),
    ] = None,
    column: cli.Column = "",
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Pick a diverse subset of a file of molecules; writes distinct rows, in the order of picking.

    maxmin begins with the best, then adds the molecule farthest from all picks; sphere considers the best first.
    Prints how far apart the picks are, and the same for as many random molecules (--seed).
    """
    from molgan.library import picked_file

    _refuse(file, out, _OUT)
    picked_file.refuse_options(by, threshold, each)
    if lowest and not rank_by:
        raise ConfigError("--lowest says how a column counts; name it with --rank-by.")
    table = picked_file.MoleculeTable.read(file, column, scaffold=by == "scaffold")
    scores = table.scores(rank_by) if rank_by else None
    scores = -scores if lowest and scores is not None else scores
    picked = picked_file.pick(table, by, picked_file.Request(n, threshold, each, scores))
    columns: dict[str, Any] = {"pick": range(1, len(picked.rows) + 1)}
    if picked.groups:
        columns[by] = [picked.groups[row] for row in picked.rows.tolist()]
    table.write(out, picked.rows, columns)
    _say_picked(table, picked, n, by, seed, as_json)


def _say_picked(table: "MoleculeTable", picked: "Picked", n: int, by: str, seed: int, as_json: bool) -> None:
    """Print how far the picks lie apart, beside as many random molecules."""
    import numpy as np

    from molgan.library.picking import spread

    rows = table.distinct
    random = np.random.default_rng(seed).choice(rows, len(picked.rows), replace=False)
    ours, others = (spread(table.packed, some, seed) for some in (picked.rows, random))
    figures = {"rows": len(table.rows), "molecules": len(rows), "picked": len(picked.rows)}
    figures |= {"groups": len(set(picked.groups.values()))} if picked.groups else {}
    figures |= {"circles": ours.circles, "nearest": ours.nearest}
    figures |= {"random.circles": others.circles, "random.nearest": others.nearest}
    said = [f"{len(picked.rows):,} of {len(rows):,} distinct molecules picked by {by}."]
    said += [f"mean similarity to the nearest other pick: {ours.nearest:.3f} ({others.nearest:.3f} at random)"]
    said += [f"#Circles at a distance of 0.75: {ours.circles:,} ({others.circles:,} at random)"]
    typer.echo(json.dumps(figures, indent=1) if as_json else "\n".join(said))
    if len(picked.rows) < n:
        more = {"sphere": "; a higher --threshold gives more", "maxmin": ""}.get(by, "; a higher --each gives more")
        cli.print_doubt(f"{n:,} were asked for, and there are no more{more}.")
    cli.print_doubt(table.doubt)


def cluster(
    file: File,
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet.")],
    by: Annotated[
        Literal["bitbirch", "butina"], typer.Option(help="bitbirch: for millions. butina: compares all pairs.")
    ] = "bitbirch",
    threshold: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="bitbirch: lowest mean similarity in a cluster. butina: lowest similarity of neighbours."
        ),
    ] = 0.65,
    criterion: Annotated[
        Literal["diameter", "radius"],
        typer.Option(help="bitbirch: mean over the pairs of a cluster (diameter), or to its centroid (radius)."),
    ] = "diameter",
    branching: Annotated[
        int, typer.Option(min=2, help="bitbirch: branching factor, the most entries in a node of the tree.")
    ] = 50,
    column: cli.Column = "",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Cluster molecules by Morgan fingerprints; writes each row's cluster (0 is the largest) and its size."""
    import numpy as np
    import pandas as pd

    from molgan.library import picked_file
    from molgan.library.birch import Birch

    _refuse(file, out, _OUT[:2])
    table = picked_file.MoleculeTable.read(file, column)
    labels = picked_file.cluster(table, by, Birch(threshold, criterion, branching))
    figures = picked_file.figures_of(table, labels)
    numbers = pd.Series(labels).astype("Int64").mask(labels < 0)
    sizes = numbers.map(pd.Series(labels[labels >= 0]).value_counts()).astype("Int64")
    table.write(out, np.arange(len(labels)), {"cluster": numbers, "cluster_size": sizes})
    said = (
        f"{figures['molecules']:,} molecules in {figures['clusters']:,} clusters, {figures['singles']:,} of one "
        f"molecule; the largest has {figures['largest']:,}; mean similarity in clusters: {figures['similarity']:.3f}."
    )
    typer.echo(json.dumps(figures, indent=1) if as_json else said)
    cli.print_doubt(table.doubt)


def _refuse(file: Path, out: Path, suffixes: tuple[str, ...]) -> None:
    from gancore.io.atomic_write import refuse_place

    if out.suffix.lower() not in suffixes:
        raise ConfigError(f"{out}: can be written as {', '.join(suffixes[:-1])} or {suffixes[-1]}.")
    refuse_place(out, file)
