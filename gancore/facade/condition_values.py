"""From the cells of a column to the values of a condition: numbers or classes, with gaps."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from gancore.errors import ConfigError, DataError
from gancore.facade.conditions import Condition, Conditions, label_of
from gancore.facade.labels import LabelFile
from gancore.io.formats import as_text
from gancore.io.inputs import Cell
from gancore.io.notes import note
from gancore.rewards.requests import Labeller
from gancore.types import Context

_NONE = {"", "nan", "na", "n/a", "none", "null", "<na>"}  # texts that stand for a gap
_MOST_CLASSES = 100
_MOSTLY = 0.5  # share of cells that are numbers from which on a column is one of numbers

Kind = Literal["", "number", "class"]


LabelFunction: TypeAlias = Callable[[Sequence[str]], Any]
"""What labels strings, for instance a classifier's `predict`: a number or a class for each."""

NamedConditions: TypeAlias = "str | Sequence[str] | Mapping[str, LabelFunction | str | None]"
"""Conditions as `fit` takes them: one, a list, or by name what labels the rows: a function, or None for a column or a
property of that name."""


class Spec(NamedTuple):
    """A condition as a user writes it: `NAME`, `NAME:number`, `NAME:class`, or `NAME=FUNCTION`, which labels rows.

    function: the name of one, or one itself.
    """

    name: str
    kind: Kind = ""
    function: str | LabelFunction = ""

    @classmethod
    def of(cls, text: str) -> "Spec":
        """Raises ConfigError for an empty name.

        >>> Spec.of("label:class")
        Spec(name='label', kind='class', function='')
        """
        name, _, function = text.partition("=")
        head, _, kind = name.rpartition(":")
        if kind in ("number", "class") and head:
            name = head
        else:
            kind = ""
        if not name.strip() or (function == "" and "=" in text):
            raise ConfigError(f"condition {text!r}: write it as NAME, NAME:class, NAME:number or NAME=MODULE:FUNCTION.")
        return cls(name.strip(), kind, function.strip())  # pyright: ignore

    @classmethod
    def all_of(cls, named: NamedConditions) -> "list[Spec]":
        """From what `fit` takes. Raises ConfigError for what is no name and no function.

        >>> [spec.name for spec in Spec.all_of({"length": len, "label:class": None})]
        ['length', 'label']
        """
        if isinstance(named, Mapping):
            for name, function in named.items():
                if function is not None and not isinstance(function, str) and not callable(function):
                    raise ConfigError(f"condition {name}: give a function of strings, its name, or None for a column.")
            return [cls.of(name)._replace(function=function or "") for name, function in named.items()]
        return [cls.of(text) for text in ([named] if isinstance(named, str) else named)]

    @property
    def function_name(self) -> str:
        """Of the function, for a message."""
        return self.function if isinstance(self.function, str) else getattr(self.function, "__name__", "its function")


class ConditionSource(NamedTuple):
    """What the conditions of training items can be read from.

    strings: the items. columns: the cells of each, by column. properties: names of what `compute` works out of strings.
    load: finds a function by the name that a configuration has for it. kept: what functions said before.
    """

    strings: Sequence[str]
    columns: Mapping[str, Sequence[Sequence[Cell]]]
    load: Callable[[str], Callable[[Sequence[str]], Any]]
    properties: Collection[str] = ()
    compute: Callable[[Sequence[str], Sequence[str]], Mapping[str, Sequence[float]]] = lambda strings, names: {}
    kept: LabelFile = LabelFile()

    def computes(self, spec: Spec) -> bool:
        """Whether the condition is a property, and neither a column nor a function."""
        return not spec.function and spec.name not in self.columns

    def values(self, specs: Sequence[Spec]) -> dict[Spec, tuple[Kind, list[Any]]]:
        """Each condition's value for each item. Raises ConfigError for a name that is neither a column nor computed."""
        missing = [spec.name for spec in specs if self.computes(spec)]
        unknown = [name for name in missing if name not in self.properties]
        if unknown:
            known = f", and no such property; there are {', '.join(self.properties)}" if self.properties else ""
            raise ConfigError(f"condition {unknown[0]}: the data have no such column{known}.")
        computed = self.compute(self.strings, missing) if missing else {}
        values_by_spec: dict[Spec, tuple[Kind, list[Any]]] = {}
        for spec in specs:
            if spec.function:
                values_by_spec[spec] = column_values(spec, self._labels(spec))
            elif spec.name in self.columns:
                if spec.name in self.properties:
                    note(f"condition {spec.name}: taken from the column of that name; rename it to have it computed.")
                values_by_spec[spec] = column_values(spec, self.columns[spec.name])
            else:
                values_by_spec[spec] = "number", [float(value) for value in computed[spec.name]]
        return values_by_spec

    def _labels(self, spec: Spec) -> list[list[Cell]]:
        """What a function says of each item."""
        name = spec.function
        if isinstance(name, str):
            labels = self.kept.labels(name, self.strings, lambda strings: self.load(name)(strings))
        else:
            labels = name(self.strings)
        if len(labels) != len(self.strings):
            raise ConfigError(
                f"condition {spec.name}: {spec.function_name} gave {len(labels)} values for {len(self.strings)} rows."
            )
        return [[Cell(row, "", label)] for row, label in enumerate(labels, 1)]


class Labelled(NamedTuple):
    """The conditions of training items, the context of each, and what computes that of other strings.

    labeller: None where no condition can be computed from a string.
    """

    conditions: Conditions
    context: Context
    labeller: Labeller | None


def read_conditions(named: Sequence[Spec], rows: ConditionSource, start: Conditions | None) -> Labelled | None:
    """The conditions that are named and the context of each item; None where there are none.

    start: the conditions of the model that training goes on from; their scale and their classes hold.
    Raises ConfigError and DataError, one sentence, for what no model can be conditioned on.
    """
    specs = list(dict.fromkeys(named))
    if start is not None:
        if specs and tuple(spec.name for spec in specs) != start.names:
            known = ", ".join(start.names)
            raise ConfigError(f"condition: the start was trained on {known}; name these, in this order, or none.")
        kinds = ["class" if item.classes else "number" for item in start.items]
        functions = [spec.function for spec in specs] or [""] * len(kinds)
        specs = list(map(Spec, start.names, kinds, functions))  # pyright: ignore
    if not specs:
        return None
    duplicates = [spec.name for spec in specs if [other.name for other in specs].count(spec.name) > 1]
    if duplicates:
        raise ConfigError(f"condition {duplicates[0]}: is asked for twice.")
    values_by_spec = rows.values(specs)
    conditions = start or Conditions(
        tuple(
            replace(condition_from_values(spec, kind, values), computed=rows.computes(spec))
            for spec, (kind, values) in values_by_spec.items()
        )
    )
    for item, (_, values) in zip(conditions.items, values_by_spec.values(), strict=True):
        _refuse_unknown_class(item, values)
    context = conditions.encode({spec.name: values for spec, (_, values) in values_by_spec.items()})
    return Labelled(conditions, context, _labeller(specs, conditions, rows))


def _labeller(specs: Sequence[Spec], conditions: Conditions, rows: ConditionSource) -> Labeller | None:
    """What computes the context of strings: their properties and what functions say of them; columns are unknown."""
    kinds: list[Kind] = ["class" if item.classes else "number" for item in conditions.items]
    pairs = zip(specs, kinds, strict=True)
    computed = [spec._replace(kind=kind) for spec, kind in pairs if spec.function or spec.name not in rows.columns]
    if not computed:
        return None

    def label(strings: Sequence[str]) -> Context:
        values = rows._replace(strings=strings, columns={}, kept=LabelFile()).values(computed)
        gaps = {item.name: [None if item.classes else math.nan] * len(strings) for item in conditions.items}
        return conditions.encode(gaps | {spec.name: found for spec, (_, found) in values.items()})

    return label


def _refuse_unknown_class(condition: Condition, values: Sequence[Any]) -> None:
    """Raise DataError for a class that the model does not know."""
    unknown = sorted({value for value in values if value is not None and value not in condition.classes}, key=str)
    if condition.classes and unknown:
        known = ", ".join(condition.classes)
        raise DataError(f"condition {condition.name}: the start knows no class {unknown[0]!r}; it has {known}.")


def column_values(spec: Spec, cells: Sequence[Sequence[Cell]]) -> tuple[Kind, list[Any]]:
    """Whether a column is one of numbers or of classes, and its value for each item, NaN or None where it has none.

    An item may have several rows, or none: of its numbers the mean counts, of its classes the commonest. A column is
    one of numbers where more than half of its cells are. Empty cells, NaN and the like are gaps.
    Raises DataError, naming the first row, for text among numbers, for a cell that is no text or number, and for too
    many classes.
    """
    known = [[cell for cell in some if _text(spec, cell).strip().lower() not in _NONE] for some in cells]
    numbers = [[_number(cell.value) for cell in some] for some in known]
    flat = [number for some in numbers for number in some]
    kind = spec.kind or ("number" if sum(number is not None for number in flat) > _MOSTLY * len(flat) else "class")
    if kind == "number":
        _refuse_text(spec, known, numbers)
        return kind, [float(np.mean(some)) if some else math.nan for some in numbers]  # pyright: ignore
    texts = [Counter(label_of(cell.value) for cell in some) for some in known]
    classes = [some.most_common(1)[0][0] if some else None for some in texts]
    distinct = {label for label in classes if label is not None}
    if len(distinct) > _MOST_CLASSES:
        raise DataError(
            f"condition {spec.name}: its column has {len(distinct):,} different texts, and {_MOST_CLASSES} classes are "
            "the most; group them, or give a column of numbers."
        )
    return kind, classes


def condition_from_values(spec: Spec, kind: Kind, values: Sequence[Any]) -> Condition:
    """A condition with the scale or the classes of training values. Raises DataError where they do not vary."""
    if kind == "number":
        return Condition.of_numbers(spec.name, np.asarray(values, np.float64))
    return Condition.of_classes(spec.name, values)


def _refuse_text(spec: Spec, known: list[list[Cell]], numbers: list[list[float | None]]) -> None:
    pairs = [pair for some, values in zip(known, numbers, strict=True) for pair in zip(some, values, strict=True)]
    text = [cell for cell, number in pairs if number is None]
    if text:
        first = min(text)
        of = f" of {first.file}" if first.file else ""
        others = len(text) - 1
        more = f" (so {'has 1 more row' if others == 1 else f'have {others:,} more rows'})" if others else ""
        raise DataError(
            f"condition {spec.name}: row {first.row}{of} has {str(first.value)!r:.40}, which is no number{more}; mend "
            f"it, leave the cell empty, or take the column for classes with {spec.name}:class."
        )


def _text(spec: Spec, cell: Cell) -> str:
    return as_text(cell.value, f"condition {spec.name}", cell.row)


def _number(value: Any) -> float | None:
    try:
        number = float(str(value).strip())
    except ValueError:
        return None
    return number if math.isfinite(number) else None
