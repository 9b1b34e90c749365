"""Where the numbers of a molecule come from: a cache on disk, RDKit in processes, plug-ins."""

from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gancore.io.notes import note
from gancore.io.process_pool import Failure
from molgan.chemistry.parallel import map_chunks
from molgan.chemistry.parsed_text import ParsedText, Text
from molgan.scoring.cache import DiskCache
from molgan.scoring.cache_keys import key_of
from molgan.scoring.definition import ScoreConfig
from molgan.scoring.measurement import NAN, Measured, measure_some
from molgan.scoring.plugin_calls import Calls
from molgan.scoring.plugins import Health

_TAME = 150  # characters; up to so many RDKit is not known to take long over
_FEW = 16  # molecules that are not worth a process
_CHUNK = 200


class Sources:
    """Numbers of molecules for the components of a score.

    processes: how many work; 0 works here, without a limit on time. cache: a file that keeps each component's numbers.
    strict: a plug-in that is down is an error.
    """

    def __init__(self, definition: ScoreConfig, processes: int, cache: str | Path | None, strict: bool = False):
        self.definition = definition
        self.processes = processes
        self.disk = DiskCache(cache) if cache else None
        components = definition.components
        self.plugins = {place: Health() for place, part in enumerate(components) if part.plugin is not None}
        self._calls = {place: Calls(components[place], strict) for place in self.plugins}
        self._keys = {place: key_of(part, definition) for place, part in enumerate(components)}
        for place, key in self._keys.items() if cache else ():
            if key.why:
                note(f"{cache}: keeps no numbers of {components[place].title}: {key.why}.")

    def changed(self) -> bool:
        """Whether a plug-in is another one than when this was last asked."""
        changed = False
        for place in self.plugins:
            key = key_of(self.definition.components[place], self.definition)
            before, self._keys[place] = self._keys[place], key
            changed |= key.digest != before.digest or key.function is not before.function
        return changed

    def broken(self, molecules: Set[str], least: int) -> str:
        """Which plug-in failed for every one of these molecules, and why; empty if none did."""
        for place, health in self.plugins.items():
            reason = health.broken(molecules, least)
            if reason:
                title = self.definition.components[place].title
                name = "plugin" if title == "plugin" else f"plugin {title}"
                return f"{name}: failed for all {len(molecules):,} molecules: {reason}."
        return ""

    def work(self, items: Sequence[Text]) -> dict[str, Any]:
        """How texts are worked through, as arguments of `map_chunks` and `examine_all`: here if they are few and short.

        A chunk is small enough to keep all processes busy.
        """
        tame = len(items) <= _FEW and all(len(item or "") <= _TAME for item in items)
        processes = 0 if tame else self.processes
        chunk = max(1, min(_CHUNK, len(items) // (4 * processes))) if processes else _CHUNK
        return {
            "processes": processes,
            "chunk": chunk,
            "seconds": self.definition.seconds,
            "title": "scoring molecules",
        }

    def nothing(self, reason: str) -> Measured:
        """What stands for a text without a molecule or without numbers."""
        return Measured(None, (NAN,) * len(self.definition.components), reason)

    def numbers(self, molecules: Mapping[str, ParsedText]) -> dict[str, Measured]:
        """All numbers of molecules, by SMILES: from the cache, from RDKit, from plug-ins."""
        values = {smiles: np.full(len(self.definition.components), NAN) for smiles in molecules}
        reasons: dict[str, list[str]] = {smiles: [] for smiles in molecules}
        missing = self._from_cache(values)
        self._ask_rdkit(molecules, missing, values, reasons)
        for place in self.plugins:
            self._ask_plugin(place, [smiles for smiles in molecules if place in missing[smiles]], values, reasons)
        return {smiles: Measured(smiles, tuple(row), "; ".join(reasons[smiles])) for smiles, row in values.items()}

    def _ask_plugin(
        self, place: int, asked: Sequence[str], values: dict[str, np.ndarray], reasons: dict[str, list[str]]
    ) -> None:
        """Fill in a plug-in's numbers; those of each call are kept at once. Raises RunError where it is down."""
        title, answers = self.definition.components[place].title, {}
        key = self._keys[place].digest
        proof = partial(self.disk.one_of, key) if self.disk is not None and key else lambda: None
        for found in self._calls[place].answers(asked, proof):
            answers |= found
            numbers = {smiles: float(answer) for smiles, answer in found.items() if not isinstance(answer, Failure)}
            for smiles, number in numbers.items():
                values[smiles][place] = number
            self._keep(place, numbers)
        for smiles, answer in answers.items():
            if isinstance(answer, Failure):
                reasons[smiles].append(f"{title}: {answer.reason}")
        self.plugins[place].note(answers)

    def _from_cache(self, values: dict[str, np.ndarray]) -> dict[str, list[int]]:
        """Fill in what the cache has; the places of the components that each molecule lacks."""
        missing: dict[str, list[int]] = {smiles: [] for smiles in values}
        for place, key in self._keys.items():
            stored = self.disk.get(key.digest, list(values)) if self.disk is not None and key.digest else {}
            for smiles in values:
                if smiles in stored:
                    values[smiles][place] = stored[smiles]
                else:
                    missing[smiles].append(place)
        return missing

    def _ask_rdkit(
        self,
        molecules: Mapping[str, ParsedText],
        missing: dict[str, list[int]],
        values: dict[str, np.ndarray],
        reasons: dict[str, list[str]],
    ) -> None:
        """Fill in RDKit's numbers of the molecules that lack some, and why there are none."""
        own = {smiles: [place for place in places if place not in self.plugins] for smiles, places in missing.items()}
        asked = [smiles for smiles, places in own.items() if places]
        if not asked:
            return
        tasks = [(molecules[smiles], own[smiles]) for smiles in asked]
        work: Callable[[tuple[ParsedText, Sequence[int]]], Measured] = partial(measure_some, self.definition)
        measured = map_chunks(work, tasks, failed=self.nothing, **self.work([parsed for parsed, _ in tasks]))
        for smiles, row in zip(asked, measured, strict=True):
            for place in own[smiles]:
                values[smiles][place] = row.values[place]
            if row.reason:
                reasons[smiles].append(row.reason)
        for place in self._keys:
            self._keep(place, {smiles: values[smiles][place] for smiles in asked if place in own[smiles]})

    def _keep(self, place: int, numbers: dict[str, float]) -> None:
        if self.disk is not None and self._keys[place].digest:
            self.disk.put(self._keys[place].digest, {smiles: float(number) for smiles, number in numbers.items()})
