"""Requests for fragments from a file, and the molecules that were made of them."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from gancore.errors import DataError
from gancore.io.atomic_write import whole
from gancore.io.notes import note
from molgan.chemistry import Rejected, Vocabulary
from molgan.chemistry.fragments import Fragments
from molgan.data.inputs import read_rows

_SHOWN = 3


def read_requests(
    given: str,
    vocabulary: Vocabulary,
    optional: Collection[int] = (),
    linked: bool = False,
    most_atoms: int | None = None,
) -> list[Fragments]:
    """Requests from a file with one a row, or the one that is given as SMILES.

    Of a file, those that a model with this vocabulary cannot meet are left out and noted with their rows and reasons.
    optional, linked: as in `Fragments.parse`. most_atoms: as in `Fragments.refusal`. Raises DataError if none is left.
    """
    path = Path(given)
    rows = [(0, given)] if not path.is_file() else [(row, text or "") for row, text in read_rows(path)]
    read: list[Fragments] = []
    refused: list[str] = []
    for row, text in rows:
        try:
            request = Fragments.parse(text, optional, linked)
            refusal = request.refusal(vocabulary, most_atoms)
            reason = refusal and f"the request {refusal}"
        except Rejected as problem:
            request, reason = None, str(problem)
        if request is None or reason:
            refused.append(f"row {row}: {text}: {reason}" if row else f"{text}: {reason}")
        else:
            read.append(request)
    if not read:
        first = refused[0] if refused else "it has no rows"
        raise DataError(f"{given}: no request can be met ({first}).")
    if refused:
        more = f"; and {len(refused) - _SHOWN:,} more" if len(refused) > _SHOWN else ""
        note(f"{given}: {len(refused):,} of {len(rows):,} requests are left out: {'; '.join(refused[:_SHOWN])}{more}.")
    return read


def write_requests(made: pd.DataFrame, out: Path) -> None:
    """Write the table of `MolGAN.sample_each` to a .csv file, whole or not at all; empty where there is no molecule."""
    with whole(out) as place:
        made.to_csv(place, index=False)


def lines(made: pd.DataFrame, raw: bool) -> Sequence[str]:
    """The molecules alone; where `raw`, an empty line for each sample without one."""
    smiles = made["smiles"].fillna("") if raw else made["smiles"].dropna()
    return smiles.tolist()
