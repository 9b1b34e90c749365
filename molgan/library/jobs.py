"""A run of a library before it samples: everything is checked that can be."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import PicklingError, dumps
from typing import Any

import rdkit

from gancore.errors import ConfigError
from gancore.io.notes import note
from gancore.io.process_pool import usable_processes
from molgan.library import columns as known_columns
from molgan.library.commits import Limits
from molgan.library.known_molecules import KnownMolecules
from molgan.library.manifest import WORK, sha256
from molgan.library.purchasable import open_catalogue
from molgan.library.scored_columns import plugin_keys
from molgan.library.settings import LibraryConfig
from molgan.library.shards import Plan
from molgan.library.sources import source_of
from molgan.library.where import parse
from molgan.scoring.benchmarks import load_score
from molgan.scoring.cache import DiskCache
from molgan.scoring.definition import ScoreConfig

CACHE = "scores.sqlite"
"""The file of a library's folder that keeps the numbers of a score with a plug-in."""
_NEEDS_KNOWN = ("novel", "nearest", "similarity")


@dataclass(frozen=True)
class Job:
    """A run that was checked: its settings, what its shards depend on, and what is known, as files."""

    settings: LibraryConfig
    plan: Plan
    known: tuple[tuple[str, Path], ...]

    @property
    def near(self) -> bool:
        """Whether nearest known molecules are asked for."""
        named = [*self.plan.columns, *(name for term in self.plan.terms for name in term.columns)]
        return "nearest" in named or "similarity" in named


def prepare(
    given: Any,
    settings: LibraryConfig,
    score: ScoreConfig | str | Path | None = None,
    fragments: str | None = None,
    checkpoint: str = "last",
    requested: dict[str, Any] | None = None,
) -> Job:
    """Check everything that can be checked before the first sample; raises what `library` raises."""
    named = settings.score or None
    definition = score if isinstance(score, ScoreConfig) else load_score(named) if named else None
    if settings.cache and definition is None:
        raise ConfigError("cache: keeps the numbers of a score; name one by score (--score), or leave the cache out.")
    terms = parse(settings.where, known_columns.types(definition))
    read = [name for term in terms for name in term.columns]
    own = ["novel"] if settings.known else []
    columns = known_columns.chosen([*read, *settings.columns, *own], definition)
    wanted = next((name for name in columns if name in _NEEDS_KNOWN), None)
    known = _known(settings.known, given, wanted)
    if "purchasable" in columns:
        open_catalogue()
    source = source_of(given, requested, fragments, checkpoint)
    plugins = _plugins(definition)
    plan = Plan("", source, settings.seed, settings.draws, terms, columns, definition)
    depends = [
        source.kind,
        source.sha256,
        source.request,
        source.fragments,
        plan.seed,
        plan.draws,
        [term.text for term in terms],
        columns,
        repr(definition),
        *([plugins] if plugins else []),
    ]
    key = json.dumps([*depends, [sha256(path) for _, path in known]], sort_keys=True)
    checked = () if settings.scheduler else plugins  # another machine may have another build of a program
    cache = str(Path(settings.cache).resolve()) if settings.cache and definition is not None else ""
    plan = replace(plan, key=hashlib.sha256(key.encode()).hexdigest(), plugins=checked, cache=cache)
    return Job(settings, plan, known)


def _plugins(definition: ScoreConfig | None) -> tuple[tuple[str, str], ...]:
    """The digest of each plug-in that is seen to change, by its name; of the others a note says why it is not."""
    keys = plugin_keys(definition)
    for title, key in keys.items():
        if key.why:
            note(f"plugin {title}: its numbers are not kept, and an edited one begins no other run: {key.why}.")
    return tuple((title, key.digest) for title, key in keys.items() if key.digest)


def cached(job: Job, folder: Path) -> str:
    """The file that keeps the score's numbers; "" for none. Raises RunError for a file that cannot."""
    place = job.plan.cache
    if not place and not job.settings.scheduler and any(key.digest for key in plugin_keys(job.plan.score).values()):
        place = str((folder / CACHE).resolve())
    if place:
        DiskCache(place)
    return place


def _known(given: Sequence[str], source: Any, wanted: str | None) -> tuple[tuple[str, Path], ...]:
    """The files of known molecules by what they were called; without any those that a bundled model is named by."""
    if wanted is None:
        return ()
    from molgan.data.downloads import DATA

    names = given or ([str(source)] if DATA.named(source) else [])
    if not names:
        raise ConfigError(
            f"{wanted}: say by known (--known FILE, or the name of a data set) which molecules are known, for instance "
            "those that the model was trained on."
        )
    found = []
    for name in names:
        path = DATA.file(str(name)) if DATA.named(name) else Path(name)
        if not path.is_file():
            raise ConfigError(f"known {name}: there is no such file.")
        found.append((name, path))
    return tuple(found)


def indexed(job: Job, folder: Path) -> str:
    """The folder of the index of known molecules, made where it is not there; "" where nothing is asked of it."""
    if not job.known:
        return ""
    digest = hashlib.sha256(
        json.dumps([rdkit.__version__, job.near, *(sha256(path) for _, path in job.known)]).encode()
    )
    place = folder / WORK / f"known-{digest.hexdigest()[:16]}"
    if not (place / "whole").exists():
        KnownMolecules.build([name for name, _ in job.known], place, job.near)
        (place / "whole").touch()
    return str(place.resolve())


def processes_of(plan: Plan, settings: LibraryConfig) -> int:
    """How many processes are to work: as many as is asked for, or one a usable core.

    A function that cannot be sent to others is worked on here, unless others are asked for: then ConfigError is raised.
    """
    reason = "" if plan.source.given is None else _unsendable(plan)
    if reason and (settings.workers > 1 or settings.scheduler):
        raise ConfigError(f"{plan.source.name}: {reason}; put it into a module, or set workers=1.")
    return 1 if reason else settings.workers or usable_processes()


def _unsendable(plan: Plan) -> str:
    """Why the function of a plan cannot be sent to other processes; "" where it can."""
    if plan.source.name.startswith("__main__."):
        return "is defined in a program or notebook"
    try:
        dumps(plan)
    except (PicklingError, TypeError, AttributeError) as error:
        return f"cannot be sent to other processes ({error})"
    return ""


def limits_of(settings: LibraryConfig) -> Limits:
    """When a run of these settings ends."""
    size = round(settings.disk * 1e9)
    return Limits(settings.n, settings.samples, settings.minutes, size, settings.patience)
