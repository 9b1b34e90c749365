"""How the documentation is built: `make docs`."""

import dataclasses
import inspect
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

import settings_tables  # noqa: E402

project = "discretegan"
author = "The discretegan authors"
project_copyright = author
release = version = version_of("discretegan")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"{project} {release}"
html_show_sphinx = False
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
linkcheck_timeout = 30

_NAMED = re.compile(r"[\w/.@-]+(, [\w/.@-]+)*: ")  # "low, high: ..." begins what is said of an argument


def _literal(text: str) -> str:
    """One line of a docstring, which is Markdown at heart, as reStructuredText."""
    made = ""
    for row, part in enumerate(re.split(r"(`[^`]+`)", text)):
        if row % 2:
            made += f"`{part}`"
        else:  # a literal must not touch a letter: "`Path`s"
            made += ("\\ " if row and part[:1].isalnum() else "") + re.sub(r"([*|\\]|_\b)", r"\\\1", part)
    return made


def _as_paragraphs(lines: list[str]) -> list[str]:
    """A docstring's lines: each argument and each `Raises` a paragraph of its own, examples as they are."""
    made: list[str] = []
    example = False
    for line in lines:
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>> "))
        if example:
            made.append(line)
            continue
        text = line.strip()
        if (_NAMED.match(text) or text.startswith("Raises ")) and made and made[-1]:
            made.append("")
        named = _NAMED.match(text)
        made.append(f"**{_literal(named[0][:-2])}**: {_literal(text[named.end() :])}" if named else _literal(text))
    return made


def _arguments(obj: object) -> list[str]:
    try:
        return list(inspect.signature(obj).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []


def _docstring(app, what, name, obj, options, lines) -> None:
    arguments = "|".join(map(re.escape, _arguments(obj)))
    text = "\n".join(lines)
    if arguments:  # one that begins within a line gets a line of its own
        text = re.sub(rf"(?<=\.) ((?:{arguments})(?:, (?:{arguments}))*: )", r"\n\1", text)
    lines[:] = _as_paragraphs(text.split("\n"))


def _signature(app, what, name, obj, options, signature, returned):
    """A table of settings is told field by field; its signature would say it all a second time."""
    return (
        ("", None)
        if isinstance(obj, type) and dataclasses.is_dataclass(obj) and len(dataclasses.fields(obj)) > 4
        else None
    )


def _skip(app, what, name, obj, skip, options):
    """The fields of a named tuple are told by its own docstring."""
    return True if (getattr(obj, "__doc__", "") or "").startswith("Alias for field number") else None


def setup(app) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _docstring)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    app.connect("source-read", settings_tables.insert)
    return {"parallel_read_safe": True}
