"""A record of one molecule: the parts that were asked for, found in one call of a worker that parses its text once."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

from gancore.io.process_pool import Failure, usable_processes
from molgan.chemistry.parallel import LIMIT, map_chunks
from molgan.chemistry.parsed_text import ParsedText, Text


class Part(NamedTuple):
    """What a record says under one name.

    function: of a parsed text, importable or a partial of one that is. failed: what stands there for a molecule that
    takes RDKit too long or crashes its process, from the reason.
    """

    function: Callable[[ParsedText], Any]
    failed: Callable[[str], Any]


Parts: TypeAlias = Mapping[str, Part]
Record: TypeAlias = dict[str, Any]
NO_PARTS: Parts = MappingProxyType({})


def examine(functions: Mapping[str, Callable[[ParsedText], Any]], text: Text) -> Record:
    """One text: what each function says of it. The text is parsed once for all of them."""
    parsed = ParsedText.of(text)
    return {name: function(parsed) for name, function in functions.items()}


def examine_all(
    texts: Sequence[Text],
    parts: Parts,
    processes: int | None = None,
    seconds: float = LIMIT,
    chunk: int = 100,
    title: str = "",
) -> list[Record]:
    """A record for each text, in order; a text that occurs twice is parsed once, and its record is one object.

    A record that could not be finished is taken apart: its parts are asked for one by one, and only those fail that
    must. processes, seconds, title: as in `map_chunks`.

    >>> part = Part(lambda parsed: parsed.strict_smiles, lambda reason: None)
    >>> examine_all(["OCC", "nothing"], {"smiles": part})
    [{'smiles': 'CCO'}, {'smiles': None}]
    """
    distinct = {_key(text): text for text in texts}
    work = partial(examine, {name: part.function for name, part in parts.items()})
    records: list[Any] = map_chunks(work, list(distinct.values()), chunk, Failure, processes, seconds, title)
    for place, (text, record) in enumerate(zip(distinct.values(), records, strict=True)):
        if isinstance(record, Failure):
            records[place] = _part_by_part(text, parts, processes or usable_processes(), seconds)
    by_key = dict(zip(distinct, records, strict=True))
    return [by_key[_key(text)] for text in texts]


def _part_by_part(text: Text, parts: Parts, processes: int, seconds: float) -> Record:
    """A record whose parts are found one by one, so that one that fails takes no other with it."""
    record: Record = {}
    for name, part in parts.items():
        work = partial(examine, {name: part.function})
        (answer,) = map_chunks(work, [text], 1, Failure, processes, seconds)
        record[name] = part.failed(answer.reason) if isinstance(answer, Failure) else answer[name]
    return record


def _key(text: Text) -> str | None:
    return text.text if isinstance(text, ParsedText) else text
