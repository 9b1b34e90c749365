"""Requests for fragments from a file, and the molecules that were made of them."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from gancore.errors import DataError
from gancore.facade import cli
from gancore.io.atomic_write import whole
from gancore.io.notes import note
from molgan.chemistry import Rejected
from molgan.chemistry.fragments import Fragments
from molgan.chemistry.isomers import isomers
from molgan.data.inputs import read_rows

_SHOWN = 3


def read_requests(
    given: str,
    refusal: Callable[[Fragments, tuple[int, int] | None, tuple[int, int] | None], str],
    optional: Collection[int] = (),
    linked: bool = False,
    size: tuple[int, int] | None = None,
    added: tuple[int, int] | None = None,
) -> list[Fragments]:
    """Requests from a file with one a row, or the one that is given as SMILES.

    Of a file, those that the model cannot meet are left out and noted with their rows and reasons.
    refusal: why the model cannot meet a request of a size, with so many atoms added; "" where it can. optional, linked:
    as in `Fragments.parse`. size, added: as in `Fragments.bounds`. Raises DataError if none is left.
    """
    path = Path(given)
    rows = [(0, given)] if not path.is_file() else [(row, text or "") for row, text in read_rows(path)]
    read: list[Fragments] = []
    refused: list[str] = []
    for row, text in rows:
        try:
            request = Fragments.parse(text, optional, linked)
            why = refusal(request, size, added)
            reason = why and f"the request {why}"
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


def write_each(
    gan: Any, given: str, n: int, seed: int, raw: bool, requested: Any, most_isomers: int, out: Path | None
) -> None:
    """Draw `n` molecules for each request and write them, whole or not at all; to standard output without `out`.

    gan: a `molgan.MolGAN` or a `molgan.PromptedModel`. requested: a `molgan.SampleRequest`. A .csv has the columns
    request and smiles; any other file has the molecules alone. Raises what `read_requests` and `sample_each` raise.
    """
    wanted = (requested[name] for name in ("optional", "linked", "size", "added"))
    requests = read_requests(given, gan.refusal, *wanted)
    made = gan.sample_each(requests, n, seed, raw, **requested)
    smiles = [text if isinstance(text, str) else None for text in made["smiles"]]
    if out is None or out.suffix != ".csv":
        cli.write_lines(lines(smiles, raw, most_isomers), out)
        return
    each = [list(lines([text], True, most_isomers)) for text in smiles]
    with whole(out) as place:
        made.assign(smiles=each).explode("smiles").to_csv(place, index=False)


def lines(smiles: Iterable[str | None], raw: bool, most_isomers: int = 0) -> Iterator[str]:
    """What is written of samples: so many stereoisomers of each, the likeliest; 0 leaves the molecule as it is.

    raw: a sample without a molecule is an empty line; otherwise it is left out.
    """
    for text in smiles:
        if text:
            yield from isomers(text, most_isomers) if most_isomers else (text,)
        elif raw:
            yield ""
