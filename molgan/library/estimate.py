"""An estimate of a library from a thousand samples: time, disk, and the share of samples that pass."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gancore.errors import RunError
from gancore.io.process_pool import usable_processes
from gancore.statistics.intervals import wilson_interval
from molgan.library.jobs import Job, indexed
from molgan.library.manifest import WORK
from molgan.library.query import lines_of_losses
from molgan.library.shards import (
    INVALID,
    KNOWN,
    PASSED,
    REPEATED,
    UNSCORED,
    Candidate,
    Failed,
    forget_models,
    make_shard,
    rejected,
)

SAMPLES = 1000
"""Samples that an estimate rests on."""
_NAMES = {"invalid": INVALID, "repeats": REPEATED, "known": KNOWN, "unscored": UNSCORED, "kept": PASSED}


def estimate(job: Job, samples: int = SAMPLES) -> dict[str, Any]:
    """Sample once, write nothing that stays, and say what the whole run will take.

    Gives the counts; acceptance with its 95% interval; for n molecules the samples, hours and megabytes. Repeats of
    molecules that earlier shards gave are not foreseen, so a model that repeats itself takes longer. Raises what making
    a shard raises.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / WORK).mkdir()
        plan = replace(job.plan, draws=samples, key=f"{job.plan.key}-dry", known=indexed(job, Path(folder)))
        content = make_shard(plan, 0)
        forget_models()
    if isinstance(content, Failed):
        raise content.error
    return _told(job, Candidate.read(content), len(content))


def _told(job: Job, made: Candidate, size: int) -> dict[str, Any]:
    fates, terms = made.fates, job.plan.terms
    if not len(fates):
        raise RunError(f"{job.plan.source.name}: gives no samples.")
    counts = {name: int((fates == fate).sum()) for name, fate in _NAMES.items()}
    turned = dict(zip((term.text for term in terms), rejected(fates, terms), strict=True))
    passing = wilson_interval(counts["kept"], len(fates))
    acceptance = counts["kept"] / len(fates)
    needed = job.settings.n / acceptance if acceptance else float("inf")
    workers = 1 if job.settings.scheduler else job.settings.workers or usable_processes()
    seconds = sum(made.about["seconds"].values())  # loading the model is no part of it
    return {
        "samples": len(fates),
        **counts,
        "rejected": turned,
        "acceptance": acceptance,
        "interval": [float(passing.low), float(passing.high)],
        "seconds": seconds,
        "molecules": job.settings.n,
        "workers": workers,
        "scheduler": job.settings.scheduler,
        "samples needed": None if np.isinf(needed) else round(needed),
        "hours": None if np.isinf(needed) else needed * seconds / len(fates) / workers / 3600,
        "megabytes": None if np.isinf(needed) else job.settings.n * size / max(1, counts["kept"]) / 1e6,
        "share of time": {name: value / seconds for name, value in made.about["seconds"].items()},
    }


def lines(told: dict[str, Any]) -> str:
    """An estimate in words."""
    text = [f"{told['samples']:,} samples in {told['seconds']:.1f} s", *lines_of_losses(told)]
    low, high = (f"{value:.1%}" for value in told["interval"])
    text.append(f"  pass: {told['kept']:,} ({told['acceptance']:.1%}, 95% interval {low} to {high})")
    if told["hours"] is None:
        text.append(f"None passes, so {told['molecules']:,} molecules cannot be foreseen.")
    else:
        workers = f"{told['workers']} worker{'s' if told['workers'] > 1 else ''}"
        workers = "one worker of the cluster" if told["scheduler"] else workers
        text.append(
            f"{told['molecules']:,} molecules: about {told['samples needed']:,} samples, {told['hours']:.2f} hours "
            f"with {workers}, {told['megabytes']:,.1f} MB; repeats of earlier samples come on top."
        )
    return "\n".join(text)
