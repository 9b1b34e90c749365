"""Properties that others work out: a Python function, a program, a service. A failure is a reason for each molecule,
never a stopped run."""

import contextlib
import json
import math
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from gancore import named
from gancore.errors import ConfigError
from gancore.pool import Failure
from gancore.systems import end_all
from molgan.score import PluginConfig

_ENOUGH = 3  # molecules that fail one after the other, alone, before the rest is given up


class PluginError(Exception):
    """A call that gave no numbers; the message is the reason."""


def ask(plugin: PluginConfig, smiles: Sequence[str]) -> list[float | Failure]:
    """A number for each SMILES, or why there is none.

    A call that fails is tried again; then its molecules one by one, so that only those fail that must.
    """
    answers: list[float | Failure] = []
    for start in range(0, len(smiles), plugin.batch):
        answers += _ask_batch(plugin, smiles[start : start + plugin.batch])
    return answers


def _ask_batch(plugin: PluginConfig, smiles: Sequence[str]) -> list[float | Failure]:
    reason = ""
    for _ in range(1 + plugin.retries):
        try:
            return _numbers(_call(plugin, smiles), len(smiles))
        except PluginError as error:
            reason = str(error)
    if len(smiles) == 1:
        return [Failure(reason)]
    alone = PluginConfig(plugin.function, plugin.command, plugin.url, 1, plugin.seconds, retries=0)
    answers: list[float | Failure] = []
    for place, text in enumerate(smiles):
        if place == _ENOUGH and all(isinstance(answer, Failure) for answer in answers):
            return answers + [Failure(reason)] * (len(smiles) - place)
        answers += _ask_batch(alone, [text])
    return answers


def _numbers(given: Sequence[Any], wanted: int) -> list[float | Failure]:
    if len(given) != wanted:
        raise PluginError(f"gave {len(given)} numbers for {wanted} molecules")
    return [_number(value) for value in given]


def _number(value: Any) -> float | Failure:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return Failure(f"gave {str(value)[:40]!r}, which is no number")
    return number if math.isfinite(number) else Failure(f"gave {number}")


def _call(plugin: PluginConfig, smiles: Sequence[str]) -> Sequence[Any]:
    if plugin.function:
        return _call_function(plugin.function, smiles)
    return _run(plugin, smiles) if plugin.command else _post(plugin, smiles)


@lru_cache
def load_function(name: str) -> Any:
    """The function at "module:name", or what a class there makes; raises ConfigError when it is not there."""
    return named.load("score: plugin.function", name)


def _call_function(name: str, smiles: Sequence[str]) -> Sequence[Any]:
    try:
        given = load_function(name)(list(smiles))
        return list(given)
    except ConfigError:
        raise
    except Exception as error:
        raise PluginError(f"raised {type(error).__name__}: {error}") from None


def _run(plugin: PluginConfig, smiles: Sequence[str]) -> Sequence[str]:
    """The lines that the program writes; it and all that it started are killed when the time is over."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(
            plugin.command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, errors="replace", start_new_session=True
        )
    except OSError as error:
        raise PluginError(f"{plugin.command[0]} cannot be started ({error.strerror})") from None
    try:
        out, err = process.communicate("".join(f"{text}\n" for text in smiles), timeout=plugin.seconds)
    except subprocess.TimeoutExpired:
        raise PluginError(f"took longer than {plugin.seconds:g} s") from None
    finally:
        _end(process)
    if process.returncode:
        last = (err.strip().splitlines() or [""])[-1][:200]
        raise PluginError(f"ended with exit code {process.returncode}" + (f": {last}" if last else ""))
    return out.splitlines()


def _end(process: subprocess.Popen) -> None:
    """End the program and what it started; a process that left its group may keep the pipes, so nothing is read."""
    end_all(process)
    for pipe in (process.stdin, process.stdout, process.stderr):
        with contextlib.suppress(OSError):
            pipe.close()  # pyright: ignore


def _post(plugin: PluginConfig, smiles: Sequence[str]) -> Sequence[Any]:
    body = json.dumps({"smiles": list(smiles)}).encode()
    request = urllib.request.Request(plugin.url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=plugin.seconds) as answer:
            scores = json.load(answer)["scores"]
    except urllib.error.HTTPError as error:
        raise PluginError(f"answered with status {error.code}") from None
    except (OSError, ValueError) as error:
        raise PluginError(f"cannot be reached or gave no JSON ({getattr(error, 'reason', None) or error})") from None
    except (KeyError, TypeError):
        raise PluginError('answered without "scores"') from None
    if not isinstance(scores, list):
        raise PluginError('answered with "scores" that are no list')
    return scores
