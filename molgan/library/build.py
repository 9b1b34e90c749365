"""`library`: sample until so many distinct molecules pass a filter, to files that a stop or a kill leaves whole."""

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import rdkit

from gancore.errors import RunError
from gancore.io.notes import note
from gancore.io.platforms import only_one
from gancore.io.progress import hushed, progress
from gancore.io.stage_times import timed
from molgan.library.commits import SHARDS, Commits
from molgan.library.jobs import Job, cached, indexed, limits_of, prepare, processes_of
from molgan.library.manifest import NAME, WORK, Manifest, Run, as_run_error, refuse_damaged
from molgan.library.query import LibraryFolder
from molgan.library.settings import LibraryConfig
from molgan.library.workers import Workers, workers_of
from molgan.scoring.definition import ScoreConfig

_AHEAD = 64  # shards that may be ready before the one that is committed next, or twice as many as are under way


def library(
    source: Any,
    n: int | None = None,
    out: str | Path = "library",
    where: str | None = None,
    *,
    seed: int | None = None,
    column: Sequence[str] = (),
    score: ScoreConfig | str | Path | None = None,
    cache: str | Path | None = None,
    known: Sequence[str | Path] = (),
    workers: int | None = None,
    scheduler: str | None = None,
    fragments: str | None = None,
    checkpoint: str = "last",
    config: LibraryConfig | None = None,
    quiet: bool = False,
    **requested: Any,
) -> LibraryFolder:
    """Sample until `n` distinct molecules pass a filter, and write them to a folder with where each comes from.

    source: a trained model of either half, itself or by its name or folder; a file of molecules; a function of
    (n, seed), or its "module:name"; anything with `sample(n, seed)`. where: an SQL condition of DuckDB over the columns
    (`molgan.library.columns.COLUMNS`). column: further columns to write. score: adds its columns. cache: the file that
    keeps the score's numbers. known: what is not novel. workers: local processes. scheduler: the address of a Dask
    scheduler. fragments: a SMILES, or a file with a request a line. requested: what a model is asked for, see
    `molgan.SampleRequest`. config: all settings; the arguments take the place of its own.

    The folder holds the same molecules whatever the number of workers and however often the run was stopped. The same
    call goes on where a run stopped; another model, seed or filter adds molecules that are new.
    Raises ConfigError for settings that cannot be used, RunError for a folder or workers that cannot, and for a filter
    that nothing passes; what was written stays whole.

    >>> import molgan
    >>> from tempfile import TemporaryDirectory
    >>> def draw(n, seed):
    ...     return ["C" * (1 + (seed + k) % 9) + "O" for k in range(n)]
    >>> with TemporaryDirectory() as folder:
    ...     made = molgan.library(draw, 5, folder, "weight > 60", quiet=True)
    ...     len(made), made.query("select min(weight) > 60 as heavy from library")["heavy"][0].item()
    (5, True)
    """
    asked = {"n": n, "where": where, "seed": seed, "workers": workers, "scheduler": scheduler}
    settings = replace(
        config or LibraryConfig(),
        **{name: value for name, value in asked.items() if value is not None},
        **({"columns": tuple(column)} if column else {}),
        **({"known": tuple(map(str, known))} if known else {}),
        **({"cache": str(cache)} if cache is not None else {}),
        **({"score": str(score)} if score is not None and not isinstance(score, ScoreConfig) else {}),
    ).validated()
    with hushed(quiet):
        job = prepare(source, settings, score, fragments, checkpoint, requested)
        return run(job, Path(out))


# The run ------------------------------------------------------------------------------------------


def run(job: Job, folder: Path) -> LibraryFolder:
    """Go on with a run until it ends; raises what `library` raises."""
    _make(folder)
    with as_run_error(folder), ExitStack() as held:
        held.enter_context(only_one(folder, "run of molgan library"))
        manifest = Manifest.read(folder) if (folder / NAME).exists() else Manifest()
        limits = limits_of(job.settings)
        mine = _mine(manifest, job)
        if mine.state == "complete" and mine.kept >= limits.n:
            note(f"{folder}: has the {mine.kept:,} molecules of this run already.")
            return LibraryFolder(folder)
        refuse_damaged(manifest, folder)
        plan = replace(job.plan, known=indexed(job, folder), cache=cached(job, folder))
        processes = processes_of(plan, job.settings)
        mine.n, mine.state = limits.n, "running"
        seconds = held.enter_context(timed())
        commits = Commits(folder, manifest, mine, plan.terms, limits)
        held.callback(commits.close)
        began, wall = time.monotonic(), mine.wall
        try:
            if not _ending(commits, began):
                workers = workers_of(plan, processes, job.settings.scheduler or None)
                held.callback(workers.close)
                _collect(commits, workers, began)
            mine.state = _ending(commits, began)
        finally:
            mine.wall = wall + time.monotonic() - began
            for name in ("deduplication", "writing"):
                mine.seconds[name] = mine.seconds.get(name, 0.0) + seconds.get(name, 0.0)
            commits.flush()
        _conclude(commits)
    return LibraryFolder(folder)


def _mine(manifest: Manifest, job: Job) -> Run:
    """The run of this key in the manifest, a new one where there is none."""
    plan = job.plan
    found = manifest.run(plan.key)
    if found is None:
        settings = {
            **{"seed": plan.seed, "draws": plan.draws, "where": job.settings.where, "columns": list(plan.columns)},
            **{"score": job.settings.score, "known": [name for name, _ in job.known], "rdkit": rdkit.__version__},
        }
        found = Run(plan.key, job.settings.n, plan.source.told(), settings, [term.text for term in plan.terms])
        manifest.runs.append(found)
    return found


def _make(folder: Path) -> None:
    """Make the folders of a library. Raises RunError where that cannot be, or another thing lies there."""
    if folder.is_file():
        raise RunError(f"{folder}: is a file; give a folder.")
    if folder.is_dir() and not (folder / NAME).exists() and not (folder / WORK).exists() and any(folder.iterdir()):
        raise RunError(f"{folder}: holds files and no library; give a new or empty folder.")
    try:
        for path in (folder / WORK, folder / SHARDS):
            path.mkdir(parents=True, exist_ok=True)
            (path / ".writable").touch()
            (path / ".writable").unlink()
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error.strerror}); give another folder.") from None


def _collect(commits: Commits, workers: Workers, began: float) -> None:
    """Have shards made ahead of the commit line, and commit them in their order."""
    asked: set[int] = set()
    ready: set[int] = set()
    following = commits.line
    with progress("collecting molecules", commits.limits.n) as tally:
        tally(commits.kept)
        while not _ending(commits, began):
            if (made := commits.waiting(commits.line)) is not None:
                ready.discard(commits.line)
                before = commits.kept
                commits.commit(made)
                tally.title = told(commits)
                tally(commits.kept - before)
                continue
            following = max(following, commits.line)
            if commits.line not in asked and commits.line in ready:  # it was damaged meanwhile
                ready.discard(commits.line)
                following = commits.line
            wanted = min(workers.ahead, max(1, still_needed(commits) - len(ready)))
            while len(asked) < wanted and following < commits.line + max(_AHEAD, 2 * wanted):
                if following not in asked and not commits.place(following).exists():
                    workers.ask(following)
                    asked.add(following)
                following += 1
            if (answer := workers.next(1.0)) is not None:
                shard, content = answer
                asked.discard(shard)
                ready.add(shard)
                commits.store(shard, content)
            tally(0)
        commits.run.unused = len(asked | ready)


def still_needed(commits: Commits) -> int:
    """How many more shards the run needs, as far as one can tell: by what its shards gave so far; at least 1.

    Before the first, none gives more than all of its samples. So few shards are begun and not used.
    """
    draws, missing = commits.run.settings["draws"], commits.limits.n - commits.kept
    each = commits.kept / commits.line if commits.kept and commits.line else draws if not commits.line else 0
    needed = math.ceil(missing / each) if each else missing  # none passed so far: there is no telling
    if commits.limits.samples:
        needed = min(needed, math.ceil((commits.limits.samples - commits.samples) / draws))
    return max(1, needed)


def told(commits: Commits) -> str:
    """A title for the progress: how many samples, and which share each term rejected."""
    counts = commits.so_far
    of = max(1, counts["samples"])
    parts = [f"{value / of:.0%} {name}" for name, value in counts["rejected"].items() if value]
    return f"collecting molecules ({counts['samples']:,} samples{'; rejected: ' if parts else ''}{', '.join(parts)})"


def _ending(commits: Commits, began: float) -> str:
    """Why a run ends; "" while it goes on."""
    limits = commits.limits
    reached = {
        "complete": commits.kept >= limits.n,
        "samples": limits.samples and commits.samples >= limits.samples,
        "time": limits.minutes and time.monotonic() - began >= 60 * limits.minutes,
        "disk": limits.bytes and commits.size >= limits.bytes,
        "source": commits.exhausted,
        "nothing new": commits.vain >= limits.patience,
    }
    return next((name for name, there in reached.items() if there), "")


_SENTENCES = {
    "samples": "the samples allowed are spent",
    "time": "the time allowed is spent",
    "disk": "the disk space allowed is spent",
    "source": "the file has no further rows",
    "nothing new": "the last {vain:,} samples gave nothing new",
}


def _conclude(commits: Commits) -> None:
    """Say why a run ended before it was complete. Raises RunError where nothing passed the filter at all."""
    run = commits.run
    if run.state not in ("samples", "time", "disk"):  # more of them goes on with what waits
        commits.clear()
    if run.state == "complete":
        return
    why = _SENTENCES[run.state].format(vain=commits.vain)
    if run.samples and not run.kept:
        counts = run.counts
        causes = {f"the filter's {name!r}": value for name, value in counts["rejected"].items()}
        causes |= {name: counts[name] for name in ("invalid", "repeats", "known", "unscored")}
        cause = max(causes, key=causes.__getitem__)
        what = f"{cause} rejects most ({causes[cause]:,})" if cause.startswith("the") else f"most are {cause}"
        raise RunError(f"{commits.folder}: none of {counts['samples']:,} samples passes; {what}; {why}.")
    note(f"{commits.folder}: {run.kept:,} of {run.n:,} molecules: {why}.")
