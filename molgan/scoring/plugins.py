"""Plug-ins: external properties, from a Python function, a program or a service.

A failure gives each molecule a reason and never stops a run.
"""

import contextlib
import json
import math
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence, Set
from dataclasses import replace
from typing import Any

from gancore.errors import ConfigError
from gancore.io import import_object
from gancore.io.platforms import end_all
from gancore.io.process_pool import Failure
from molgan.scoring.definition import PluginConfig

ENOUGH = 3
"""Molecules that fail one after the other, and none that works, before a plug-in may be given up."""


class PluginError(Exception):
    """A call that gave no numbers; the message is the reason. missing: there is nothing to call."""

    def __init__(self, reason: str, missing: bool = False):
        super().__init__(reason)
        self.missing = missing


class Outage(Failure):
    """Why a call as a whole gave no numbers; a plain Failure is of one molecule's answer. missing: nothing to call."""

    missing = False


def _outage(error: PluginError) -> Outage:
    outage = Outage(str(error))
    outage.missing = error.missing
    return outage


class Health:
    """Whether a plug-in works: the molecules that it has failed for since it last gave a number.

    >>> health = Health()
    >>> health.note({"C": Outage("it is down"), "CC": Outage("it is down"), "CCC": Outage("it is down")})
    >>> health.broken({"C", "CC"}), health.broken({"C", "CO"})
    ('it is down', '')
    """

    def __init__(self):
        self.failing: dict[str, Outage] = {}

    def note(self, answers: dict[str, float | Failure]) -> None:
        """Take note of answers by SMILES; any number, or word on a single molecule, tells that it works."""
        if any(not isinstance(answer, Outage) for answer in answers.values()):
            self.failing = {}
        else:
            self.failing |= answers  # pyright: ignore

    def broken(self, smiles: Set[str], least: int = ENOUGH) -> str:
        """Why it failed for all of these molecules; empty if it did not, or for fewer than `least` so far.

        Of a program that is not there one molecule is enough.
        """
        if not smiles or not smiles <= self.failing.keys():
            return ""
        enough = len(self.failing) >= least or any(outage.missing for outage in self.failing.values())
        return self.failing[min(smiles)].reason if enough else ""


def ask(plugin: PluginConfig, smiles: Sequence[str]) -> list[float | Failure]:
    """A number for each SMILES, or why there is none.

    A call that fails is tried again; then its molecules one by one, so that only those fail that must. An Outage tells
    that the call failed, a Failure that the answer is no number.
    """
    answers: list[float | Failure] = []
    for start in range(0, len(smiles), plugin.batch):
        answers += _ask_batch(plugin, smiles[start : start + plugin.batch])
    return answers


def _ask_batch(plugin: PluginConfig, smiles: Sequence[str]) -> list[float | Failure]:
    outage = Outage("")
    for _ in range(1 + plugin.retries):
        try:
            return _numbers(_call(plugin, smiles), len(smiles))
        except PluginError as error:
            outage = _outage(error)
    if len(smiles) == 1 or outage.missing:
        return [outage] * len(smiles)
    alone, begun = replace(plugin, batch=1, retries=0), time.monotonic()
    answers: list[float | Failure] = []
    for place, text in enumerate(smiles):
        late = time.monotonic() - begun > plugin.seconds
        if late and place >= ENOUGH and all(isinstance(answer, Failure) for answer in answers):
            return answers + [outage] * (len(smiles) - place)
        answers += _ask_batch(alone, [text])
    return answers


def _numbers(answer: Sequence[Any], expected: int) -> list[float | Failure]:
    if len(answer) != expected:
        raise PluginError(f"gave {len(answer)} numbers for {expected} molecules")
    return [_number(value) for value in answer]


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


_SETTING = "score: plugin.function"
_functions: dict[str, tuple[Any, Any]] = {}  # by name: the object that was imported, and the function made of it


def load_function(name: str) -> Any:
    """The function at "module:name", or an instance of a class there, made once. Raises ConfigError if it is missing.

    After a reload the new one is taken.
    """
    imported = import_object.find(_SETTING, name)
    if name not in _functions or _functions[name][0] is not imported:
        _functions[name] = imported, import_object.made(_SETTING, name, imported)
    return _functions[name][1]


def _call_function(name: str, smiles: Sequence[str]) -> Sequence[Any]:
    try:
        return list(load_function(name)(list(smiles)))
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
        raise PluginError(f"{plugin.command[0]} cannot be started ({error.strerror})", missing=True) from None
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
