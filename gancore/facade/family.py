"""The members of the GAN family that molgan and seqgan have: one table, which commands and a page of docs show.

The table is `family.toml` beside this file. A member is selected by a bundled configuration and settings on top of it.
"""

import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from typing import Any

KINDS = {
    "objective": "Objectives",
    "bound": "Penalties and constraints of the critic",
    "training": "Labels, noise and rates",
    "collapse": "Against collapse",
    "network": "Critics, generators and their growth",
    "condition": "Conditions and codes",
    "generator": "Generators, gradients and samplers",
    "translation": "Translation",
    "use": "Uses of a trained model",
}
"""Kinds of members, and the headings that they are shown under."""


@dataclass(frozen=True)
class Choice:
    """How a half selects a member, and what was measured of it there.

    config: a bundled configuration. settings: "table.key=value" on top of it. also: further options of `train`.
    then: a command on the run, where the member is a use of it.
    measured: figures, with the page of docs that has them; empty where the member was not measured by itself.
    """

    config: str
    settings: tuple[str, ...] = ()
    also: str = ""
    then: str = ""
    measured: str = ""
    page: str = ""

    @property
    def options(self) -> str:
        """The options of `train`."""
        parts = ["--config", self.config]
        for setting in self.settings:
            parts += ["--set", setting]
        return " ".join(filter(None, (shlex.join(parts), self.also)))


@dataclass(frozen=True)
class Member:
    """A method with its paper, the files that it is in, and how each half selects it; a half without it is left out."""

    kind: str
    name: str
    year: int
    paper: str
    url: str
    files: tuple[str, ...]
    choices: Mapping[str, Choice]


@cache
def members() -> tuple[Member, ...]:
    """The table: by kind, in its order.

    >>> members()[2].name, members()[2].choices["molgan"].options
    ('LSGAN, least squares', '--config default --set critic.objective=least_squares')
    """
    text = (resources.files("gancore.facade") / "family.toml").read_text(encoding="utf-8")
    return tuple(_member(row) for row in tomllib.loads(text)["member"])


def _member(row: dict[str, Any]) -> Member:
    halves = {half: row.pop(half) for half in ("molgan", "seqgan") if half in row}
    choices = {half: Choice(**own | {"settings": tuple(own["settings"])}) for half, own in halves.items()}
    return Member(files=tuple(row.pop("files")), choices=choices, **row)


def rows(half: str) -> list[dict[str, Any]]:
    """The members that a half has, as JSON takes them, with the options that select them."""
    found = []
    for member in members():
        if half in member.choices:
            choice = member.choices[half]
            about = {key: value for key, value in asdict(member).items() if key != "choices"}
            found.append(about | asdict(choice) | {"options": choice.options})
    return found


def text(half: str) -> Iterator[str]:
    """Lines for a terminal: the members that a half has, under their kinds."""
    last = ""
    for row in rows(half):
        if row["kind"] != last:
            yield from ([""] if last else []) + [f"{KINDS[row['kind']]}:"]
            last = row["kind"]
        yield f"  {row['name']} ({row['paper']} {row['year']}, {row['url']})"
        yield f"    {half} train {row['options']}"
        yield from [f"    {half} {row['then']}"] if row["then"] else []
        yield f"    code: {', '.join(row['files'])}"
        yield f"    measured: {row['measured']} ({row['page']})" if row["measured"] else "    measured: not by itself"


def markdown() -> str:
    """A heading and a table for each kind, of both halves."""
    parts = []
    for kind, heading in KINDS.items():
        lines = [
            f"## {heading}\n",
            "| member | year | paper | file | selected by | measured here |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_cells(member) for member in members() if member.kind == kind]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _cells(member: Member) -> str:
    files = ", ".join(f"`{file}`" for file in member.files)
    choices = "<br>".join(
        f"`{half} train {choice.options}`" + (f", `{half} {choice.then}`" if choice.then else "")
        for half, choice in member.choices.items()
    )
    measured = "<br>".join(
        f"{half}: {choice.measured} ([page]({choice.page.removeprefix('docs/')}))"
        for half, choice in member.choices.items()
        if choice.measured
    )
    return f"| {member.name} | {member.year} | [{member.paper}]({member.url}) | {files} | {choices} | {measured} |"
