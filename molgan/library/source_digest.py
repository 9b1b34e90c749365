"""What tells one function or sampler from another: a digest of its code and of its state."""

import hashlib
from collections.abc import Iterable
from inspect import ismethod
from pickle import PicklingError, dumps
from types import CodeType
from typing import Any


def digest_of(draw: Any) -> str:
    """SHA-256 of the code of a function with what it holds, or of the class of an object with its state.

    Two functions of one name that differ have different digests; the same one has the same in every process. State that
    cannot be pickled counts by its type alone. Another version of Python compiles to other code.

    >>> digest_of(lambda n, seed: ["C"] * n) == digest_of(lambda n, seed: ["CC"] * n)
    False
    """
    digest = hashlib.sha256()
    for part in _parts(draw):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(draw: Any) -> Iterable[bytes]:
    kind = draw if hasattr(draw, "__qualname__") else type(draw)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    code = getattr(draw, "__code__", None)
    if code is None:
        method = getattr(type(draw), "sample", None) or type(draw).__call__
        code = getattr(method, "__code__", None)
        yield _state(getattr(draw, "__dict__", None))
    else:
        if ismethod(draw):
            yield _state(getattr(draw.__self__, "__dict__", None))
        yield _state((draw.__defaults__, getattr(draw, "__kwdefaults__", None)))
        for cell in draw.__closure__ or ():
            yield _state(cell.cell_contents)
    if code is not None:
        yield from _code(code)


def _code(code: CodeType) -> Iterable[bytes]:
    """What a function does, whatever file and line it is in."""
    yield code.co_code
    yield repr(code.co_names).encode()
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _code(value)
        else:
            yield repr(_steady(value)).encode()


def _state(value: Any) -> bytes:
    if isinstance(value, dict):
        value = {name: _steady(one) for name, one in value.items()}
    try:
        return dumps(_steady(value), protocol=5)
    except (PicklingError, TypeError, AttributeError):
        return type(value).__qualname__.encode()


def _steady(value: Any) -> Any:
    """A set in an order that is the same in every process."""
    return sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value
