"""One configuration for each recipe: a union that the key `recipe` decides."""

import dataclasses
import difflib
import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from gancore.errors import ConfigError
from gancore.io import config as toml
from gancore.io.notes import Note, OldName, collected, note
from gancore.runs.settings_keys import flatten, has, nested, settings_of
from gancore.training.settings import (
    STRICT,
    CheckpointConfig,
    Positive,
    RecoveryConfig,
    Seed,
    WatchConfig,
)

C = TypeVar("C", bound="RunConfig")


_WRITTEN_WHOLE = {"seed", "device", "precision", "log_every", "tensorboard", "checkpoint.every", "recovery.times"}
"""What only a file has that a run wrote, with every setting in it."""

_SIZES = (
    *("model.", "critic.conditioning", "critic.spectral_norm", "critic.pack", "critic.minibatch_kernels"),
    "critic.critics",
)
"""What decides which weights a model has."""


@dataclass(frozen=True)
class RunConfig:
    """What every run has, whatever its recipe. A recipe's own configuration adds its settings to these.

    A package makes its union by one subclass with a `PACKAGE`; calling that class gives the configuration of
    the recipe that is named. Raises ConfigError for settings that do not go together.
    """

    __pydantic_config__ = STRICT
    PACKAGE: ClassVar[str] = ""
    """The package whose `recipes.RECIPES` lists the recipes, and whose folder `bundled/configs` has files by name."""
    RENAMED: ClassVar[Mapping[str, str]] = {"unasked": "hide_all", "partly": "hide_some"}
    """Old names of settings, "table.key": their new names. A recipe adds its own."""
    OLD_RECIPES: ClassVar[Mapping[str, str]] = {}
    """Old names of recipes: their new names."""

    recipe: str = ""
    """How training goes; it decides which settings there are."""
    seed: Seed = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto, cpu or cuda."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """What networks compute in while they train. Penalties, samples and likelihoods stay in float32."""
    log_every: Positive = 50
    """Steps between lines of metrics.jsonl."""
    monitor_every: Positive = 500
    """Steps between samples of 500 that show validity, uniqueness and recall while training."""
    tensorboard: bool = False
    """Whether figures and samples go to TensorBoard as well, in the run folder. Needs its package."""
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    """The checkpoints."""
    recovery: RecoveryConfig = field(default_factory=RecoveryConfig)
    """What follows a divergence."""
    watch: tuple[WatchConfig, ...] = (WatchConfig("sample/recall", below=0.05),)
    """Rules on figures of the log."""

    @property
    def unprotected(self) -> tuple[str, ...]:
        """Settings by which a generator learns from data without the noise of a private critic."""
        return ()

    def __new__(cls, *args: Any, **settings: Any) -> Any:
        """The configuration of the recipe that is named, where the class itself is the union of several."""
        kinds = cls.kinds()
        if cls in kinds.values() or not kinds:
            return super().__new__(cls)
        return super().__new__(cls.kind(settings.get("recipe", args[0] if args else _first(cls))))

    def __post_init__(self) -> None:
        named = [name for name, kind in self.kinds().items() if kind is type(self)]
        if self.recipe not in named:
            raise ConfigError(f"recipe = {self.recipe!r}: these are settings of recipe {' or '.join(named)}.")

    @classmethod
    def kinds(cls) -> Mapping[str, Any]:
        """The configurations of all recipes, by the names that `recipe` takes: those of the package's `RECIPES`.

        >>> from molgan import Config
        >>> list(Config.kinds())
        ['one_shot', 'autoregressive', 'molgan']
        """
        if not cls.PACKAGE:
            return {}
        recipes = importlib.import_module(f"{cls.PACKAGE}.recipes").RECIPES  # late: a recipe's file needs this one
        return {name: recipe.config_class for name, recipe in recipes.items()}

    @classmethod
    def kind(cls, recipe: object) -> Any:
        """The configuration of one recipe. Raises ConfigError for a name that there is not.

        >>> from molgan import Config
        >>> Config.kind("molgan").__name__
        'MolGANConfig'
        """
        kinds = cls.kinds()
        name = cls.OLD_RECIPES.get(str(recipe), str(recipe))
        if name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(f"recipe = {recipe!r}: there is no such recipe, there are {', '.join(kinds)}.{hint}")
        return kinds[name]

    @classmethod
    def load(cls: type[C], name: str | Path, overrides: Iterable[str] = ()) -> C:
        """A bundled configuration by name or a TOML file by path, with "key=value" overrides.

        Raises ConfigError with one sentence for a missing file, an unknown key or a wrong value. An unknown key that
        another recipe has is told as that recipe's. Settings under the names of earlier versions load with a note.

        >>> from molgan import Config
        >>> Config.load("qm9", ["steps=600", "reward.weight=0.5"]).reward.weight
        0.5
        """
        path = toml.find_named(cls.PACKAGE, name)
        overrides = list(overrides)
        values = toml.read(path)
        chosen = toml.apply_overrides({"recipe": values.get("recipe")}, overrides).get("recipe")
        kind, written = cls.kind(chosen or _first(cls)), cls.kind(values.get("recipe", _first(cls)))
        with collected() as notes:
            values = kind._renewed(values, str(path), other=written is not kind)
        overrides = [kind._renewed_override(override) for override in overrides if kind._has_effect(override)]
        with collected() as more:
            config = toml.checked(kind, values, str(path), overrides)
        _say_once([*notes, *more], str(path))
        return config._said(key for key, _ in flatten(toml.apply_overrides(values, overrides)))

    @classmethod
    def revive(cls: type[C], values: dict[str, Any], where: Path, device: str | None = None) -> C:
        """Back from a checkpoint's values, on another device if one is given. Raises ConfigError as `load` does.

        Settings of other recipes, which earlier versions stored too, are left out.

        >>> from molgan import Config
        >>> Config.revive({"steps": 7}, Path("a checkpoint"), device="cpu").steps
        7
        """
        kind = cls.kind(values.get("recipe", _first(cls)))
        with collected() as notes:
            renewed = kind._renewed(values, str(where), stored=True)
            config = toml.from_dict(kind, renewed | ({"device": device} if device else {}), str(where))
        _say_once(notes, str(where))
        return config

    def dump(self) -> str:
        """The configuration as TOML, every field.

        >>> from molgan import Config
        >>> "seed = 5" in Config(seed=5).dump().splitlines()
        True
        """
        return toml.dump(self)

    def as_recipe(self, recipe: str, **settings: Any) -> Any:
        """The configuration of another recipe with every setting that both have, and `settings` in place of some.

        Raises ConfigError for a value that the other recipe does not take.

        >>> from molgan import Config
        >>> Config(seed=5).as_recipe("autoregressive", steps=3).seed
        5
        """
        kind = type(self).kind(recipe)
        shared = {key: value for key, value in flatten(asdict(self)) if has(kind, key)}
        for table in settings:
            shared = {key: value for key, value in shared.items() if key.partition(".")[0] != table}
        own = toml.from_dict(kind, nested(shared | {"recipe": recipe} | settings_of(settings)), f"recipe {recipe}")
        return dataclasses.replace(own, **settings)

    def validated(self: C) -> C:
        """The same, its types and ranges checked: a configuration made in Python is not. Raises ConfigError.

        >>> from molgan import Config
        >>> Config(seed=5).validated().seed
        5
        """
        return toml.from_dict(type(self), asdict(self), "config")._said(self.explicit)

    # Going on from a trained model ------------------------------------------------------------

    def _said(self: C, keys: Iterable[str]) -> C:
        object.__setattr__(self, "_explicit", frozenset(keys))
        return self

    @property
    def explicit(self) -> frozenset[str]:
        """The settings, "table.key", that a file or an override set; of one made in Python, those not at a default."""
        said = getattr(self, "_explicit", None)
        if said is not None:
            return said
        defaults = dict(flatten(asdict(type(self)(recipe=self.recipe))))
        return frozenset(key for key, value in flatten(asdict(self)) if value != defaults.get(key))

    def adopting(self, start: "RunConfig") -> "RunConfig":
        """These settings with the recipe and sizes of a start model, where they are not set explicitly.

        Sizes are `[model]`, and the critic's conditioning and normalisation.

        Raises ConfigError for settings that the start's recipe has not.

        >>> from molgan import Config
        >>> Config(seed=5).adopting(Config.load("moses")).model.recurrent
        512
        """
        explicit = self.explicit
        recipe = self.recipe if "recipe" in explicit or not self._starts_anew else start.recipe
        kind = type(self).kind(recipe)
        values = {key: value for key, value in flatten(asdict(self)) if kind is type(self) or key in explicit}
        for key in explicit:
            kind._refuse_foreign(key, f"start: a model of recipe {recipe}")
        shapes = [pair for pair in flatten(asdict(start)) if pair[0].startswith(_SIZES)]
        sizes = {key: value for key, value in shapes if key not in explicit and has(kind, key)}
        return toml.from_dict(kind, nested(values | sizes | {"recipe": recipe}), "start")._said(explicit)

    _starts_anew: ClassVar[bool] = True
    """Whether a model to start from decides the recipe, where none is set."""

    # Files of earlier versions ----------------------------------------------------------------

    @classmethod
    def _renewed(cls, values: dict[str, Any], where: str, stored: bool = False, other: bool = False) -> dict[str, Any]:
        """Values under their present names, without what other recipes have; a note says so where something changed.

        stored: whether they come from a checkpoint. Of a file that a person wrote, only what had no effect is left out.
        other: whether they were written for another recipe, which an override has replaced: its own settings are then
        left out without a note. Raises ConfigError for a setting of another recipe that asks for something.
        """
        flat, changed = dict(flatten(values)), False
        stored = stored or flat.keys() >= _WRITTEN_WHOLE
        old = flat.get("recipe")
        if isinstance(old, str) and old in cls.OLD_RECIPES:
            flat["recipe"], changed = cls.OLD_RECIPES[old], True
        for before, after in cls.RENAMED.items():
            if before in flat:
                flat.setdefault(after, flat.pop(before))
                changed = True
        for key in [key for key in flat if cls._others(key) and not has(cls, key)]:
            if not stored and not other and not cls._idle(key, flat[key]):
                cls._refuse_foreign(key, where)
            del flat[key]
            changed = changed or not other
        if changed:
            note(f"{where}: has settings of an earlier version.", OldName)
        return nested(flat)

    @classmethod
    def _has_effect(cls, override: str) -> bool:
        """Whether an override is of this recipe; a note for one of another recipe that asks for nothing.

        Raises ConfigError for one of another recipe that asks for something.
        """
        key = override.partition("=")[0].strip()
        if has(cls, cls.RENAMED.get(key, key)) or not cls._others(key):
            return True
        value = dict(flatten(toml.apply_overrides({}, [override]))).get(key)
        if not cls._idle(key, value):
            cls._refuse_foreign(key, f"--set {override}")
        note(f"--set {override}: has no effect, this recipe has no {key}.")
        return False

    @classmethod
    def _renewed_override(cls, override: str) -> str:
        """A "key=value" under the key's present name; a note says so."""
        key, equals, value = override.partition("=")
        key, value = key.strip(), value.strip()
        after = cls.RENAMED.get(key, key)
        if key == "recipe" and value in cls.OLD_RECIPES:
            note(f"--set {override}: recipe {value} is now {cls.OLD_RECIPES[value]}.")
            return f"recipe={cls.OLD_RECIPES[value]}"
        if after != key:
            note(f"--set {override}: {key} is now {after}.")
        return f"{after}{equals}{value}" if after != key else override

    @classmethod
    def _others(cls, key: str) -> list[str]:
        """The other recipes that have this setting, under its present or its old name."""
        return [name for name, kind in cls.kinds().items() if kind is not cls and has(kind, kind.RENAMED.get(key, key))]

    @classmethod
    def _idle(cls, key: str, value: Any) -> bool:
        """Whether another recipe's setting asks for nothing: its default, or a zero."""
        defaults = []
        for name in cls._others(key):
            kind = cls.kinds()[name]
            filled = dict(flatten(json.loads(json.dumps(asdict(kind(recipe=name))))))
            defaults.append(filled.get(kind.RENAMED.get(key, key)))
        return not value or value in defaults

    @classmethod
    def _refuse_foreign(cls, key: str, where: str) -> None:
        """Raise ConfigError for a setting that only other recipes have."""
        names = cls._others(key)
        if names and not has(cls, cls.RENAMED.get(key, key)):
            own = next(name for name, kind in cls.kinds().items() if kind is cls)
            raise ConfigError(f"{where}: unknown key {key}; recipe {' or '.join(names)} has it, recipe {own} has not.")


def _say_once(notes: Iterable[Note], where: str) -> None:
    """One note for all names of earlier versions that a file has; others as they are."""
    notes = list(notes)
    if any(isinstance(one, OldName) for one in notes):
        note(f"{where}: was written for an earlier version; its settings are taken over under their present names.")
    for text in dict.fromkeys(str(one) for one in notes if not isinstance(one, OldName)):
        note(text)


def _first(union: type[RunConfig]) -> str:
    """The recipe of a configuration that names none."""
    return next(iter(union.kinds()))
