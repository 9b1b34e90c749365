"""Commands of `molgan` that search for molecules: `optimize`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from gancore.facade import cli
from gancore.facade.cli import AsJson, Quiet
from gancore.facade.commands import Seed, Set


def optimize(
    score: Annotated[
        str, typer.Option(help="TOML file with a [score] table, or the name of a score. Higher is better.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the journal and the results.")],
    budget: Annotated[int | None, typer.Option(min=1, help="Distinct molecules to score; default 10,000.")] = None,
    start: Annotated[
        str, typer.Option(metavar="MODEL|FILE", help="Where the first molecules come from: a model, or a file of some.")
    ] = "drug",
    column: cli.Column = "",
    seed: Seed = 0,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    overrides: Set = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the search in OUT.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look for molecules that score high, within a budget of molecules that are scored.

    Writes scored.parquet (smiles, score, call) and best.smi (the hundred best) to OUT and prints figures. No molecule
    is scored twice, and a search that was stopped goes on with --resume: OUT/journal.jsonl has what was scored.
    """
    from molgan.optimize.run import optimize as search
    from molgan.optimize.settings import load_settings

    found = search(
        score, budget, start, out, seed, load_settings(config, overrides), resume, column=column, quiet=quiet
    )
    typer.echo(json.dumps(found.to_dict(), indent=1) if as_json else str(found))
