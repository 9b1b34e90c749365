"""Where the samples of a library come from, a shard at a time: a trained model of either half, a file, a function."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from contextlib import suppress
from dataclasses import dataclass, field, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gancore.errors import ConfigError, DataError, RunError
from gancore.io import import_object
from gancore.io.downloads import cache
from gancore.io.seeds import derive_seed
from molgan.data.inputs import SUFFIXES, read_rows
from molgan.library.manifest import sha256
from molgan.library.source_digest import digest_of

if TYPE_CHECKING:
    from gancore.types import Sampler

Draw: TypeAlias = Callable[[int, int], Sequence[str | None]]
"""A function of a number of samples and a seed."""
_OF_TEXT = {"condition", "guidance"}  # what a string model can be asked for without fragments
_PROMPTED = "molgan.prompted:PromptedModel"  # a floor above: imported when one is wanted


@dataclass(frozen=True)
class Source:
    """What draws samples, as every worker opens it.

    kind: model, file or function. name: of the model or the file, or "module:function". sha256: of what it is.
    request: what `sample` is asked for, as JSON. fragments: the requests for fragments of a model, in their order.
    checkpoint: of a run. trusted: whether its samples are canonical SMILES of molecules already. given: a function
    that has no name to be imported by.
    """

    kind: str
    name: str
    sha256: str
    request: str = "{}"
    fragments: tuple[str, ...] = ()
    checkpoint: str = "last"
    trusted: bool = False
    given: Any = field(default=None, compare=False)

    def told(self) -> dict[str, Any]:
        """What a manifest says of it."""
        found = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "given"}
        return {name: value for name, value in found.items() if value not in ("", (), "{}")}

    def open(self) -> "Callable[[int, int, int], Sequence[str | None]]":
        """A function of shard, number of samples and seed, that gives the samples of the shard; fewer at the end.

        Raises RunError where the model is not the one that the library was begun with, and what loading raises.
        """
        if self.kind == "file":
            return _Rows(self.name)
        if self.kind == "function":
            draw = self.given if self.given is not None else _function(self.name)
            return lambda shard, n, seed: draw(n, derive_seed(seed, "library", shard))
        return _Sampling(self)


def source_of(
    given: Any, request: Mapping[str, Any] | None = None, fragments: str | None = None, checkpoint: str = "last"
) -> Source:
    """What is meant by a model's name or folder, a file of molecules, "module:function", or a function of (n, seed).

    request: the keywords of `sample`. fragments: a SMILES, or a file with a request a line. Raises ConfigError for what
    cannot be sampled from, and what loading a model or reading requests raises.
    """
    asked = {key: value for key, value in (request or {}).items() if not _nothing(value)}
    if asked.get("guidance") == 1.0:
        del asked["guidance"]
    if not isinstance(given, (str, Path)):
        if hasattr(given, "save_pretrained"):
            return _of_model(_saved(given), asked, fragments, "last")
        return _of_function(given, asked, fragments)
    path = Path(given)
    if path.is_file() and path.suffix != ".safetensors":
        _refuse_request(given, asked, fragments)
        return Source("file", str(path.resolve()), sha256(path))
    if ":" in str(given) and not path.exists():
        _refuse_request(given, asked, fragments)
        return Source("function", str(given), digest_of(import_object.load("library", str(given))))
    if not path.exists() and path.suffix in SUFFIXES:
        raise DataError(f"{given}: there is no such file.")
    name = str(path.resolve()) if path.exists() else str(given)  # workers may stand elsewhere
    return _of_model(name, asked, fragments, checkpoint)


def _nothing(value: Any) -> bool:
    """Whether an argument of `sample` is left out; a number is not."""
    return value is None or value is False or (isinstance(value, Sized) and not len(value))


def _refuse_request(given: Any, asked: Mapping[str, Any], fragments: str | None) -> None:
    if asked or fragments:
        name = next(iter(asked), "fragments")
        raise ConfigError(f"{name}: {given} is no model, so nothing can be requested of its samples.")


def _of_function(given: Any, asked: Mapping[str, Any], fragments: str | None) -> Source:
    _refuse_request(getattr(given, "__name__", type(given).__name__), asked, fragments)
    draw = given.sample if hasattr(given, "sample") else given
    if not callable(draw):
        raise ConfigError(f"{given!r:.60}: is no model, file or function that draws molecules.")
    kind = given if hasattr(given, "__qualname__") else type(given)
    name = f"{kind.__module__}.{kind.__qualname__}"
    wrapped = draw if not hasattr(given, "sample") else _Seeded(given)
    return Source("function", name, digest_of(given), given=wrapped)


@dataclass(frozen=True)
class _Seeded:
    """`sample` with its seed by name: a text model takes the temperature second."""

    sampler: "Sampler"

    def __call__(self, n: int, seed: int) -> Sequence[str | None]:
        return self.sampler.sample(n, seed=seed)


def _function(name: str) -> Draw:
    found = import_object.load("library", name)
    return _Seeded(found) if hasattr(found, "sample") else found


def _of_model(name: str, asked: Mapping[str, Any], fragments: str | None, checkpoint: str) -> Source:
    made = Source("model", name, _digest(name, checkpoint), checkpoint=checkpoint)
    model = _Sampling(made).model
    texts: tuple[str, ...] = ()
    if fragments is not None:
        from molgan.library.requests import read_requests

        prompted = _prompted(model)
        wanted = (asked.get(key) for key in ("optional", "linked", "size", "added"))
        optional, linked, size, added = wanted
        read = read_requests(fragments, prompted.refusal, optional or (), bool(linked), size, added)
        texts = tuple(one.text for one in read)
    if _continues(model) and not texts and (odd := sorted(set(asked) - _OF_TEXT)):
        raise ConfigError(f"{odd[0]}: {name} is a string model, which takes it with fragments alone.")
    request = json.dumps(asked, sort_keys=True, default=list)
    trusted = not _continues(model) and not texts
    source = Source("model", name, made.sha256, request, texts, checkpoint, trusted)
    _Sampling(source, model)(0, 1, 0)  # refuses what the model cannot do, before the work
    return source


def _saved(model: Any) -> str:
    """The folder of a model that is given as an object: in the user's cache, by its digest, so that workers load it."""
    from gancore.runs.pretrained import FILE

    home = cache() / "library-models"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as folder:
        fresh = Path(folder, "model")
        model.save_pretrained(fresh)
        place = home / sha256(fresh / FILE)[:32]
        if not place.exists():
            with suppress(OSError):  # another process was faster
                fresh.rename(place)
    return str(place)


def _prompted(model: Any) -> Any:
    """A model that builds on fragments."""
    return import_object.find("library", _PROMPTED)(model) if _continues(model) else model


def _continues(model: Any) -> bool:
    """Whether it is a model of text, which continues strings."""
    from gancore.types import Completer

    return isinstance(model, Completer)


def _digest(name: str, checkpoint: str) -> str:
    """The sha256 of a model's weights and settings."""
    from gancore.facade.models import HALVES
    from gancore.runs import pretrained

    half = pretrained.half_of(name, checkpoint, tuple(HALVES)) or "molgan"
    stored = pretrained.find(name, checkpoint, half)
    settings = json.dumps(stored.values["config"], sort_keys=True).encode()
    return hashlib.sha256(settings + stored.weights.read_bytes()).hexdigest()


class _Sampling:
    """A model at work, on one thread: samples depend on how a sum is divided among several."""

    def __init__(self, source: Source, model: Any = None):
        if model is None:
            if source.sha256 != _digest(source.name, source.checkpoint):
                raise RunError(f"{source.name}: is not the model that this library was begun with.")
            from gancore.facade.models import load_model  # torch, which a function or a file does without

            model = load_model(source.name, None, source.checkpoint)
        self.source, self.model = source, model
        self.sampler = _prompted(model) if source.fragments else model
        self.request = json.loads(source.request)
        for name in ("size", "added"):
            if isinstance(self.request.get(name), list):
                self.request[name] = tuple(self.request[name])

    def __call__(self, shard: int, n: int, seed: int) -> Sequence[str | None]:
        import torch

        from gancore.sampling.chunks import large_chunks

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with large_chunks():
                return self._drawn(shard, n, derive_seed(seed, "library", shard))
        finally:
            torch.set_num_threads(threads)

    def _drawn(self, shard: int, n: int, seed: int) -> Sequence[str | None]:
        fragments = self.source.fragments
        if len(fragments) > 1:
            return self._each(fragments, shard, n, seed)
        asked = self.request | ({"fragments": fragments[0]} if fragments else {})
        return self.sampler.sample(n, seed=seed, **asked)

    def _each(self, fragments: tuple[str, ...], shard: int, n: int, seed: int) -> list[str | None]:
        """As many samples of each request as fit; of more requests than samples, a part that moves on."""
        first = shard * n % len(fragments)
        chosen = fragments if len(fragments) <= n else (fragments[first:] + fragments)[:n]
        made = self.sampler.sample_each(chosen, max(1, n // len(chosen)), seed, **self.request)
        return [text if isinstance(text, str) else None for text in made["smiles"]]


class _Rows:
    """The rows of a file, a shard at a time. Shards that are asked for in order are read once."""

    def __init__(self, name: str):
        self.name = name
        self._begin()

    def _begin(self) -> None:
        self._rows: Iterator[tuple[int, str | None]] = read_rows(self.name)
        self._at = 0

    def __call__(self, shard: int, n: int, seed: int) -> Sequence[str | None]:
        if shard * n < self._at:
            self._begin()
        skipped = sum(1 for _ in islice(self._rows, shard * n - self._at))
        rows = [text for _, text in islice(self._rows, n)]
        self._at += skipped + len(rows)
        return rows
