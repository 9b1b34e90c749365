"""The command `anomalies` of both command lines."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from gancore.facade.cli import AsJson, Column, Quiet

_By = Literal["likelihood", "reconstruction", "critic"]


def anomalies_command(read: Callable[..., Any], sets: str, model_help: str) -> Callable[..., None]:
    """The command of a program.

    read: gives an `AnomalyTable`, as `molgan.reporting.anomalies.anomaly_table`. sets: the data sets by name, for help
    texts. model_help: what can be named as a model.
    """

    def anomalies(
        file: Annotated[Path, typer.Argument(help="Rows to score: a file that train reads, or - (standard input).")],
        model: Annotated[str, typer.Option(help=model_help)],
        by: Annotated[
            _By | None, typer.Option(help="Score to use; default: the first of these that the model has.")
        ] = None,
        reference: Annotated[
            str | None,
            typer.Option(
                metavar=f"{sets}|FILE", help="Normal rows for percentiles, such as held-out ones; default: samples."
            ),
        ] = None,
        samples: Annotated[
            int, typer.Option(min=1, help="Number of random rows of the reference, or of samples of the model.")
        ] = 2000,
        out: Annotated[
            Path | None, typer.Option(help="Table to write, every row of the file: .csv or .parquet.")
        ] = None,
        ordered: Annotated[
            bool, typer.Option("--sort", help="Write the most anomalous rows first; default: the order of the file.")
        ] = False,
        top: Annotated[int, typer.Option(min=1, help="Number of rows to print.")] = 10,
        column: Column = "",
        seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")] = 0,
        device: Annotated[str | None, typer.Option(help="auto, cpu or cuda.")] = None,
        which: Annotated[str, typer.Option("--checkpoint", help="last, best or the number of a step.")] = "last",
        as_json: AsJson = False,
        quiet: Quiet = False,
    ) -> None:
        """Score how unlike its training data a model finds each row, and print the most anomalous.

        The table has all rows and columns of the file, the score (higher is more anomalous), its percentile among
        reference rows or samples, and why a row has no score.
        """
        from gancore.errors import ConfigError
        from gancore.facade.anomaly_table import refuse_table
        from gancore.io.atomic_write import refuse_place

        if out is not None:
            refuse_table(out)
            refuse_place(out, file)
        elif ordered:
            raise ConfigError("--sort orders the table: name its file with --out.")
        found = read(file, model, by or "", reference, column, samples, seed, device, which)
        if out is not None:
            found.write(out, ordered)
        typer.echo(found.to_json(top) if as_json else found.text(top))

    return anomalies
