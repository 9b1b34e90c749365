"""Commands of `molgan` that search for molecules: `optimize`, `improve` and `analogues`."""

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
        str, typer.Option(metavar="MODEL|FILE", help="Where the first molecules come from: a model or a file.")
    ] = "drug",
    column: cli.Column = "",
    seed: Annotated[int | None, typer.Option(help="Seed of the search; default: from the settings.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    overrides: Set = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help="Continue the search in OUT.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for molecules that score high, within a budget of scored molecules.

    Writes scored.parquet (smiles, score, call) and best.smi (the hundred best) to OUT and prints figures. No molecule
    is scored twice. --resume continues a search that was stopped: OUT/journal.jsonl has what was scored.
    """
    from molgan.optimize.run import optimize as search
    from molgan.optimize.settings import load_settings

    found = search(
        score, budget, start, out, seed, load_settings(config, overrides), resume, column=column, quiet=quiet
    )
    typer.echo(json.dumps(found.to_dict(), indent=1) if as_json else str(found))


def improve(
    file: Annotated[Path, typer.Argument(help="Leads: a file that train reads, or - (standard input).")],
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet.")],
    properties: Annotated[
        list[str],
        typer.Option(
            "--property", metavar="NAME=BY", help="Requested change of a property, such as logp=+1; repeatable."
        ),
    ],
    similarity: Annotated[float, typer.Option(help="Lowest Tanimoto similarity to the lead, from 0 to 1.")] = 0.4,
    n: Annotated[int, typer.Option("-n", min=1, help="Number of molecules for each lead.")] = 10,
    budget: Annotated[int, typer.Option(min=2, help="Most molecules to score for each lead.")] = 500,
    column: cli.Column = "",
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Search for better molecules that are similar to a lead; writes a table with the best for each lead.

    Prints for how many leads all requested properties moved far enough, and reports rows that are no molecule.
    """
    from dataclasses import replace

    from gancore.io.atomic_write import refuse_place, whole
    from molgan.data.inputs import as_rows
    from molgan.optimize.leads import DEFAULT
    from molgan.optimize.leads import improve as search
    from molgan.reporting.scored_file import refuse_table

    refuse_table(out)
    refuse_place(out, file)
    config = replace(DEFAULT, budget=budget, seed=seed)
    table = search(as_rows(file, column), cli.request_of(properties, "--property"), similarity, n, config)
    with whole(out) as place:
        table.to_parquet(place, index=False) if out.suffix == ".parquet" else table.to_csv(place, index=False)
    leads = dict.fromkeys(table["lead"], False)
    for lead, met in zip(table["lead"], table["met"], strict=True):
        leads[lead] |= met is True
    count = {"leads": len(leads), "improved": sum(leads.values()), "molecules": int(table["smiles"].notna().sum())}
    said = f"{count['improved']:,} of {count['leads']:,} leads improved as requested."
    typer.echo(json.dumps(count, indent=1) if as_json else said)
    for lead, text, reason in zip(table["lead"], table["origin"], table["reason"], strict=True):
        if reason:
            typer.echo(f"molgan: {file}, row {lead}: {reason}: {text!s:.40}", err=True)


def analogues(
    file: Annotated[Path, typer.Argument(help="Actives: a file that train reads, or - (standard input).")],
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet.")],
    n: Annotated[int, typer.Option("-n", min=1, help="Number of analogues.")] = 1000,
    similarity: Annotated[float, typer.Option(help="Lowest Tanimoto similarity to an active, from 0 to 1.")] = 0.4,
    model: Annotated[
        str, typer.Option(help="Model to fine-tune on the actives; none: genetic algorithm only.")
    ] = "smiles-moses",
    value: Annotated[
        str, typer.Option(help="Column of measured values, higher is better; a Gaussian process predicts it.")
    ] = "",
    column: cli.Column = "",
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Make analogues of a few actives, by a model fine-tuned on them and by a genetic algorithm.

    Prints how many candidates there were and why some were left out, and reports rows that could not be used.
    """
    from gancore.facade.models import load_model
    from gancore.io.atomic_write import refuse_place, whole
    from gancore.io.progress import hushed
    from molgan.data.inputs import numbers_of, read_named
    from molgan.optimize.analogues import analogues as search
    from molgan.reporting.scored_file import refuse_table

    refuse_table(out)
    refuse_place(out, file)
    with hushed(quiet):
        rows = list(read_named(file, column))
        values = numbers_of(rows, value, file) if value else None
        tuned = load_model(model) if model != "none" else None
        found = search([row.smiles for row in rows], n, similarity, values, tuned, seed)
    with whole(out) as place:
        frame = found.frame
        frame.to_parquet(place, index=False) if out.suffix == ".parquet" else frame.to_csv(place, index=False)
    if as_json:
        typer.echo(json.dumps(found.counts | {"skipped": len(found.skipped)}, indent=1))
    else:
        typer.echo("\n".join(f"{name}: {count:,}" for name, count in found.counts.items()))
    for number, text, reason in found.skipped:
        typer.echo(f"molgan: {file}, row {rows[number - 1].row}: {reason}: {text!s:.40}", err=True)
