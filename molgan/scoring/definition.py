"""The definition of a score: components, their desirabilities, and how these are aggregated. One table in TOML.

[score]
aggregate = "geometric"

[[score.components]]
property = "qed"
desirability = { shape = "maximize", low = 0, high = 1 }
"""

import builtins
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from gancore.errors import ConfigError
from gancore.io import config as toml
from gancore.training.settings import STRICT, Count, Positive, Rate, Weight
from molgan.scoring.desirability import Desirability, note_new_name
from molgan.scoring.properties import MAKERS, PROPERTIES

Fragments = Literal["reject", "largest", "keep"]
OBJECTIVE_NAMES = (
    "albuterol_similarity",
    "amlodipine_mpo",
    "celecoxib_rediscovery",
    "deco_hop",
    "drd2",
    "fexofenadine_mpo",
    "gsk3b",
    "isomers_c7h8n2o2",
    "isomers_c9h10n2o2pf2cl",
    "jnk3",
    "median1",
    "median2",
    "mestranol_similarity",
    "osimertinib_mpo",
    "perindopril_mpo",
    "qed",
    "ranolazine_mpo",
    "scaffold_hop",
    "sitagliptin_mpo",
    "thiothixene_rediscovery",
    "troglitazone_rediscovery",
    "valsartan_smarts",
    "zaleplon_mpo",
)
"""The objectives of the PMO benchmark (Gao et al. 2022), defined in `molgan.scoring.benchmarks`."""


@dataclass(frozen=True)
class PluginConfig:
    """An external property: one of function, command and url gives its numbers."""

    __pydantic_config__ = STRICT
    function: str = ""
    """"module:name" of a function of a list of SMILES that gives a number each."""
    command: tuple[str, ...] = ()
    """A program and its arguments: SMILES on standard input, a line each; a number on standard output, a line each."""
    url: str = ""
    """A service: gets {"smiles": [...]} as JSON by POST, answers {"scores": [...]}."""
    batch: Positive = 100
    """Molecules per call."""
    seconds: Rate = 300.0
    """Time limit for a call of a program or a service, in seconds. A program is then ended with all that it started."""
    retries: Count = 1
    """How often a failed call is repeated before its molecules are tried one by one."""
    version: str = ""
    """Your name for what the cache cannot see: a service, or files and models that a program or function reads. A new
    name means that all numbers are computed again."""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.function, self.command, self.url))) != 1:
            raise ConfigError("score: a plugin needs exactly one of function, command and url.")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ConfigError(f"score: plugin.url = {self.url!r} must begin with http:// or https://.")


@dataclass(frozen=True)
class Component:
    """A property, its desirability, its weight, and the settings of the property."""

    __pydantic_config__ = STRICT
    property: str
    """A name in `PROPERTIES`, `MAKERS` or `OBJECTIVES`; or "plugin"."""
    desirability: Desirability = None  # pyright: ignore
    """Required. Maps the property's value to [0, 1]."""
    weight: Rate = 1.0
    """Weight in the aggregate, above 0."""
    name: str = ""
    """Name of its column; the property's name if left out."""
    molecules: tuple[str, ...] = ()
    """similarity, scaffold: SMILES of the molecules to compare with."""
    fingerprint: str = ""
    """similarity: a name in `FINGERPRINTS`; ecfp4 if left out."""
    smarts: str = ""
    """substructure: the pattern."""
    sets: tuple[str, ...] = ()
    """alerts: names in `ALERT_SETS`."""
    formula: str = ""
    """isomer: the molecular formula."""
    symbol: str = ""
    """element: its symbol."""
    plugin: PluginConfig | None = None
    """plugin: where the numbers come from."""
    wanted: InitVar[Desirability | None] = None
    """The old name of desirability."""

    def __post_init__(self, wanted: Desirability | None) -> None:
        if wanted is not None:
            note_new_name("wanted", "desirability")
            object.__setattr__(self, "desirability", wanted)
        if self.desirability is None:
            raise ConfigError(f"score: property {self.property} needs a desirability.")
        if self.property not in (*PROPERTIES, *MAKERS, *OBJECTIVE_NAMES, "plugin"):
            raise ConfigError(
                f"score: no property {self.property!r}; there are {', '.join((*PROPERTIES, *MAKERS))}, plugin "
                "and the objectives of the PMO benchmark."
            )
        maker = MAKERS.get(self.property)
        takes = maker.takes if maker else ("plugin",) if self.property == "plugin" else ()
        may_take = maker.may_take if maker else ()
        for name in ("molecules", "fingerprint", "smarts", "sets", "formula", "symbol", "plugin"):
            is_set = bool(getattr(self, name))
            if is_set and name not in takes + may_take:
                raise ConfigError(f"score: property {self.property} takes no {name}.")
            if not is_set and name in takes:
                raise ConfigError(f"score: property {self.property} needs {name}.")

    @builtins.property
    def title(self) -> str:
        """Its column's name."""
        return self.name or self.property

    def settings(self) -> dict[str, object]:
        """The settings of its property."""
        maker = MAKERS[self.property]
        return {name: getattr(self, name) for name in maker.takes + maker.may_take}

    def __str__(self) -> str:
        """In words."""
        if self.property in PROPERTIES:
            explanation = PROPERTIES[self.property].source
        elif self.property in MAKERS:
            values = filter(None, self.settings().values())
            parts = (", ".join(part) if isinstance(part, tuple) else str(part) for part in values)
            explanation = "; ".join(parts) or MAKERS[self.property].source
        else:
            explanation = ""
        explanation = f" ({explanation})" if explanation else ""
        return f"{self.title}{explanation}: {self.desirability}; weight {self.weight:g}"


COLUMNS = ("smiles", "connected", "novel", "score", "reason")
"""Columns of a table of scores beside those of the components."""
QED_ALONE = Component("qed", Desirability("maximize", low=0.0, high=1.0))


@dataclass(frozen=True)
class ScoreConfig:
    """A score in [0, 1]: property -> desirability -> aggregate."""

    __pydantic_config__ = STRICT
    aggregate: Literal["arithmetic", "geometric", "product", "pareto"] = "arithmetic"
    """Weighted mean, arithmetic or geometric; weighted product; or rank of the Pareto front among the molecules that
    are scored together."""
    components: tuple[Component, ...] = (QED_ALONE,)
    """The properties that count."""
    fragments: Fragments = "reject"
    """Salts and mixtures: "reject" scores them as invalid, "largest" scores the largest fragment, "keep" all of it."""
    standardize: bool = False
    """Disconnect metals, normalise groups and neutralise charges first (`rdMolStandardize`)."""
    seconds: Weight = 10.0
    """Time limit for RDKit, in seconds per molecule; 0 for no limit."""

    def __post_init__(self) -> None:
        if not self.components:
            raise ConfigError("score: there are no components, so there is nothing to score.")
        titles = [component.title for component in self.components]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ConfigError(f"score: two components are called {twice[0]!r}; give each a name of its own.")
        taken = next(
            (title for title in titles if title in COLUMNS or title.endswith((".desirability", ".names"))), None
        )
        if taken is not None:
            raise ConfigError(f"score: a table of scores has a column {taken!r} already; give the component a name.")

    def desired(self, values: Float[ndarray, "molecule component"]) -> Float[ndarray, "molecule component"]:
        """The desirability of every value."""
        each = [component.desirability(column) for component, column in zip(self.components, values.T, strict=True)]
        return np.stack(each, 1)

    def together(self, desired: Float[ndarray, "molecule component"]) -> Float[ndarray, "molecule"]:
        """The score of every molecule; NaN where a desirability is."""
        weights = np.array([component.weight for component in self.components])
        return AGGREGATES[self.aggregate](desired, weights)

    def __str__(self) -> str:
        """A sentence a chemist would check."""
        how = {
            "arithmetic": "The weighted mean of",
            "geometric": "The weighted geometric mean of",
            "product": "The weighted product of",
            "pareto": "The rank of the Pareto front, among the molecules scored together, over",
        }[self.aggregate]
        return f"{how} " + " | ".join(map(str, self.components)) + "."

    def dump(self) -> str:
        """The definition as TOML: one table, `[score]`."""
        return toml.dump(ScoreFile(self))


@dataclass(frozen=True)
class ScoreFile:
    """A TOML file that defines a score."""

    __pydantic_config__ = STRICT
    score: ScoreConfig = field(default_factory=ScoreConfig)
    """The score."""


def _arithmetic(desired: ndarray, weights: ndarray) -> ndarray:
    return desired @ weights / weights.sum()


def _product(desired: ndarray, weights: ndarray) -> ndarray:
    return np.prod(desired**weights, axis=1)


def _geometric(desired: ndarray, weights: ndarray) -> ndarray:
    return _product(desired, weights / weights.sum())


def _pareto(desired: ndarray, weights: ndarray) -> ndarray:
    """The first front lies highest; within a front the weighted mean decides. In [0, 1]."""
    scores = np.full(len(desired), np.nan)
    left = np.flatnonzero(~np.isnan(desired).any(1))
    fronts = []
    while len(left):
        columns = desired[left].T
        at_least = np.logical_and.reduce([column[:, None] >= column for column in columns])
        dominated = (at_least & ~at_least.T).any(0)
        fronts.append(left[~dominated])
        left = left[dominated]
    means = _arithmetic(desired, weights)
    for rank, front in enumerate(fronts):
        scores[front] = (len(fronts) - 1 - rank + means[front]) / len(fronts)
    return scores


AGGREGATES: dict[str, Callable[[ndarray, ndarray], ndarray]] = {
    "arithmetic": _arithmetic,
    "geometric": _geometric,
    "product": _product,
    "pareto": _pareto,
}
"""Desirabilities `(molecule, component)` and weights `(component,)` -> scores `(molecule,)`."""
