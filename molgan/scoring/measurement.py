"""What a worker finds of one text for a score: which molecule is scored, and RDKit's numbers of it."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from molgan import chemistry
from molgan.chemistry.molecule import Molecule
from molgan.chemistry.parsed_text import ParsedText, Text
from molgan.scoring.benchmarks import OBJECTIVES
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.properties import MAKERS, PROPERTIES, alert_names, property_value

NAN = float("nan")
MOST_ATOMS = 1000
"""Heavy atoms of the largest molecule that is scored."""


class Measured(NamedTuple):
    """A molecule as it was scored.

    smiles: canonical, with stereo; None where there is no molecule. values: a number for each component. reason: what
    went wrong. parsed: the text, where the numbers are still to come.
    """

    smiles: str | None
    values: tuple[float, ...]
    reason: str = ""
    parsed: ParsedText | None = None


def measure(definition: ScoreConfig, text: Text, places: Sequence[int] | None = None) -> Measured:
    """RDKit's numbers of one text; NaN for plug-ins and where there is a reason.

    places: the components that are asked for, all if not given; the others are NaN.
    """
    nothing = (NAN,) * len(definition.components)
    try:
        molecule = _scored(definition, ParsedText.of(text))
    except chemistry.Rejected as reason:
        return Measured(None, nothing, str(reason))
    values, reasons = [], []
    for place, (component, function) in enumerate(zip(definition.components, functions(definition), strict=True)):
        asked = places is None or place in places
        try:
            values.append(float(function(molecule)) if function is not None and asked else NAN)
        except Exception as error:  # RDKit raises many kinds
            values.append(NAN)
            reasons.append(f"{component.title}: {type(error).__name__}: {error}".splitlines()[0])
    return Measured(molecule.smiles, tuple(values), "; ".join(reasons))


def measure_some(definition: ScoreConfig, task: tuple[ParsedText, Sequence[int]]) -> Measured:
    """The numbers of one text for some components, by their places."""
    return measure(definition, *task)


def identify(definition: ScoreConfig, text: Text) -> Measured:
    """The molecule of a text, without numbers, or why there is none. The text comes back parsed."""
    parsed = ParsedText.of(text)
    try:
        return Measured(_scored(definition, parsed).smiles, (), "", parsed)
    except chemistry.Rejected as reason:
        return Measured(None, (), str(reason))


def names_of_alerts(definition: ScoreConfig, text: Text) -> dict[str, str]:
    """The names of a molecule's structural alerts, by the title of each component that counts some."""
    parsed = ParsedText.of(text)
    components = [component for component in definition.components if component.sets]
    try:
        molecule = _scored(definition, parsed)
    except chemistry.Rejected:
        return {component.title: "" for component in components}
    return {component.title: "; ".join(alert_names(molecule, component.sets)) for component in components}


def _scored(definition: ScoreConfig, parsed: ParsedText) -> Molecule:
    """The molecule that is scored; raises Rejected."""
    molecule = parsed.under(_policy(definition))
    if molecule.mol.GetNumHeavyAtoms() > MOST_ATOMS:
        raise chemistry.Rejected(f"more than {MOST_ATOMS:,} heavy atoms")
    return molecule


@lru_cache
def functions(definition: ScoreConfig) -> list[Callable[[Molecule], float] | None]:
    """A function for each component; None for a plug-in, which is asked for many molecules at once.

    Raises ConfigError for settings that cannot be used, DataError for a classifier that has not been fetched.
    """
    return [_function(component, _policy(definition)) for component in definition.components]


def _policy(definition: ScoreConfig) -> chemistry.Policy:
    """How molecules are prepared, those that are scored and those that they are compared with."""
    return chemistry.Policy(definition.fragments, definition.standardize)


def _function(component: Component, policy: chemistry.Policy) -> Callable[[Molecule], float] | None:
    if component.property == "plugin":
        return None
    if component.property in PROPERTIES:
        return partial(property_value, name=component.property)
    if component.property in MAKERS:
        maker = MAKERS[component.property]
        return maker.make(**component.settings(), **({"policy": policy} if maker.prepares else {}))
    objective = OBJECTIVES[component.property]
    parts = [_function(part, _policy(objective)) for part in objective.components]
    numbers = [part for part in parts if part is not None]
    return lambda molecule: float(objective.together(objective.desired(np.array([[f(molecule) for f in numbers]])))[0])
