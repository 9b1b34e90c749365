"""The checks of the command doctor: what an installation has, what it lacks, and what to do."""

import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from packaging.requirements import Requirement

from gancore.io.downloads import Sources, cache
from gancore.io.platforms import cores

_PACKAGE = "discretegan"
_DISK_SPACE = 2 * 2**30  # bytes that a fetched data set and a long run's checkpoints take together


class Finding(NamedTuple):
    """What one check found. state: ok, note (works, but could be better) or fault. advice: what to do, "" for ok."""

    check: str
    state: str
    found: str
    advice: str = ""


Check = Callable[[], Iterable[Finding]]


def examine(checks: Iterable[Check]) -> Iterator[Finding]:
    """The findings of all checks; a check that raises is a fault itself."""
    for check in checks:
        try:
            yield from check()
        except Exception as error:
            name = check.__name__.strip("_").replace("_", " ")
            why = f"{type(error).__name__}: {error}"
            yield Finding(name, "fault", " ".join(why.split())[:200], "install again: pip install --force-reinstall .")


def common(load: Callable[[], Sources]) -> tuple[Check, ...]:
    """The checks of both programs: Python, packages, torch, devices, processors, the cache, the data sets of `load`."""

    def data_sets() -> Iterator[Finding]:
        sources = load()
        for name in sources.about():
            place = sources.find(name)
            if place is not None:
                yield Finding(f"data {name}", "ok", str(place))
            else:
                yield Finding(f"data {name}", "note", "not fetched", f"{sources.program} data fetch {name}")

    return python, packages, torch_works, devices, processors, cache_folder, data_sets


def python() -> Iterator[Finding]:
    """The interpreter."""
    yield Finding("python", "ok", f"{platform.python_version()} in {sys.prefix}, {platform.platform(terse=True)}")


def packages() -> Iterator[Finding]:
    """Every package that this one requires, in a version that it accepts."""
    for text in requires(_PACKAGE) or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        advice = f"pip install '{requirement.name}{requirement.specifier}'"
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            yield Finding(requirement.name, "fault", "not installed", advice)
            continue
        fits = requirement.specifier.contains(installed, prereleases=True)
        yield Finding(requirement.name, "ok" if fits else "fault", installed, "" if fits else advice)


def torch_works() -> Iterator[Finding]:
    """A gradient on the CPU."""
    import torch

    x = torch.ones(3, 3, requires_grad=True)
    (x @ x).sum().backward()
    correct = x.grad is not None and bool((x.grad == 6).all())
    advice = "install torch again, for this processor: https://pytorch.org/get-started"
    yield Finding("torch computes", "ok" if correct else "fault", f"{torch.__version__}", "" if correct else advice)


def devices() -> Iterator[Finding]:
    """What networks can be trained on."""
    import torch

    if not torch.cuda.is_available():
        reason = "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no CUDA device"
        yield Finding("cuda", "note", reason, "nothing to do on a machine without a GPU: all runs on the CPU")
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        ones = torch.ones(2, 2, device=f"cuda:{number}", dtype=torch.bfloat16)
        float((ones @ ones).sum())
        memory = f"{properties.total_memory / 2**30:.0f} GiB"
        yield Finding(
            f"cuda:{number}", "ok", f"{properties.name}, {memory}, capability {properties.major}.{properties.minor}"
        )


def processors() -> Iterator[Finding]:
    """Cores, and how many of them torch will use."""
    import torch

    usable, threads = cores(), torch.get_num_threads()
    summary = f"usable cores {usable}, torch threads {threads}"
    if threads > usable:
        yield Finding(
            "processors", "note", summary, f"set OMP_NUM_THREADS={usable}: more threads than cores are slower"
        )
    else:
        yield Finding("processors", "ok", summary)


def cache_folder() -> Iterator[Finding]:
    """The folder of fetched data: whether it can be written, and the space left."""
    folder = cache()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    elsewhere = "name another folder with DISCRETEGAN_DATA"
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield Finding("cache", "fault", f"{folder} cannot be written ({error.strerror})", elsewhere)
        return
    free = shutil.disk_usage(existing).free
    summary = f"{folder}, {free / 2**30:.1f} GiB free"
    yield Finding(
        "cache", *(("ok", summary) if free >= _DISK_SPACE else ("note", summary, f"make room, or {elsewhere}"))
    )


def bundled_models(names: Iterable[str], draw: Callable[[str], list]) -> Iterator[Finding]:
    """Whether the bundled models load and can be sampled. draw: name -> a few samples."""
    for name in names:
        samples = [str(text) for text in draw(name) if text]
        if samples:
            yield Finding(f"model {name}", "ok", " ".join(samples))
        else:
            yield Finding(f"model {name}", "fault", "draws nothing", "install the package again: its file is damaged")
