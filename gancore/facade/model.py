"""The facade of molgan and seqgan: fit, sample, save, load. `MolGAN` and `SeqGAN` are thin subclasses of `Model`."""

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pandas as pd
from rich.console import Console
from torch import Tensor

from gancore.errors import CheckpointError, ConfigError, RunError
from gancore.facade.condition_values import NamedConditions, Spec
from gancore.facade.conditions import Conditions, Request
from gancore.facade.domain import Domain, Reading
from gancore.facade.drawing import Accepts, draw
from gancore.facade.labels import LabelFile
from gancore.facade.privacy import statement, warn_of_leaks
from gancore.facade.recipe import refuse_without
from gancore.io.progress import hushed
from gancore.io.rejected_rows import note_most_left_out
from gancore.rewards.shaping import RewardShaping
from gancore.runs import pretrained
from gancore.runs.checkpoint import State
from gancore.runs.config import RunConfig
from gancore.runs.folder import claim, write, write_held_out
from gancore.statistics.evaluation import Evaluation
from gancore.training import distributed
from gancore.training.device import pick_device, seed_everything
from gancore.training.run import Training
from gancore.types import Reward

M = TypeVar("M", bound="Model")


_PREDICTED = 1000  # strings that are read at a time
_NOT_SAID = "Not told when this model was saved."


class Model:
    """A generator of strings that is trained, sampled, saved and loaded; see `molgan.MolGAN` and `seqgan.SeqGAN`.

    config: a configuration, the name of a bundled one, or a TOML file. Raises ConfigError for one that cannot be used.
    """

    domain: ClassVar[Domain]

    def __init__(self, config: RunConfig | str | Path | None = None):
        union = self.domain.config_class
        settings = union.load(config) if isinstance(config, (str, Path)) else config or union()
        self.config: Any = settings.validated()
        self.device = pick_device(self.config.device)
        self.recipe: Any = None
        self.data: Any = None
        self.provenance: dict[str, Any] = {}
        self.conditions: Conditions | None = None
        self._training: Training | None = None
        self._loaded: State = {}, {}  # the state a checkpoint came with
        self._shared: frozenset[str] | None = None  # the modules that a shared model came with

    # Training ---------------------------------------------------------------------------------

    def fit(
        self,
        source: Any = None,
        out: str | Path | None = None,
        resume: bool = False,
        quiet: bool = False,
        start: "Model | str | Path | None" = None,
        force: bool = False,
        reward: Reward | None = None,
        condition: NamedConditions = (),
    ) -> "Model":
        """Train; the subclasses say on what."""
        distributed.join(self.device)
        start_model = type(self).load(start, str(self.device)) if isinstance(start, (str, Path)) else start
        config = self.config.adopting(start_model.config) if start_model is not None else self.config
        kind = self.domain.recipes[config.recipe]
        specs = Spec.all_of(condition)
        if specs:
            refuse_without(kind, "context", "condition")
        shaping = self.domain.reward(config, reward, kind)
        claim(out, resume)
        console = Console(stderr=True, quiet=quiet or distributed.rank() > 0)
        with hushed(quiet):
            reading = self.domain.read(source, config, start_model, specs, LabelFile(out, resume))
        note_most_left_out(reading.rejected, reading.rows)
        if out is not None:
            write_held_out(Path(out) / self.domain.aside, reading.aside, resume and not force)
        self.domain.tell(reading, console)
        seed_everything(config.seed)
        self._training = self._build(config, reading, shaping, start_model)
        warn_of_leaks(self.recipe)
        monitor = self.domain.monitor(self, reading.data)
        self._training.run(
            *(out, console, dict(self.domain.labels), monitor, reading.rejected, resume, force),
            lambda: self.domain.show(self),
        )
        if private := statement(self.recipe):
            console.print(private, markup=False, highlight=False)
        return self

    def _build(
        self, config: Any, reading: Reading, shaping: RewardShaping | None, start_model: "Model | None" = None
    ) -> Training:
        """The recipe, with a start model's weights where there is one, and the run of its phases.

        Nothing of the model changes before all of it fits.
        """
        groups = reading.conditions.groups if reading.conditions is not None else ()
        space = self.domain.space(reading.data, start_model, config, groups)
        recipe = self.domain.recipes[config.recipe](config, space, self.device)
        recipe.shaping, recipe.labeller = shaping, reading.labeller
        if start_model is not None:
            for name, weights in self.domain.start_weights(recipe, start_model).items():
                module = recipe.modules[name]
                module.load_state_dict(module.state_dict() | weights)  # what the start lacks stays new
        self.config, self.recipe, self.data, self.conditions = config, recipe, reading.data, reading.conditions
        phases = recipe.phases(reading.data)
        self.provenance = {
            "data": self.domain.counts(reading),
            "versions": {name: version(name) for name in self.domain.versions},
            "python": platform.python_version(),
        }
        tensors, values = space.state()
        values |= {"half": self.domain.half, "provenance": self.provenance}
        if self.conditions is not None:
            values["conditions"] = self.conditions.state()
        memories = {"steering": shaping} if shaping is not None else {}  # the name that checkpoints know it by
        return Training(
            *(recipe.modules, recipe.optimizers, phases, self.device, self.config), (tensors, values), memories
        )

    # Sampling ---------------------------------------------------------------------------------

    def draw(
        self,
        n: int,
        seed: int = 0,
        request: Request | None = None,
        guidance: float = 1.0,
        accepts: Accepts | None = None,
        each: Mapping[str, Callable[[Tensor], Any]] | None = None,
        **options: Any,
    ) -> Iterator[tuple[Any, int]]:
        """What the recipe samples, a chunk at a time, and how many of the chunk count.

        Without a request, a conditional model gives each sample the context of a random training row.
        The same seed gives the same samples on one kind of device, and the first k of n do not depend on n.
        accepts: samples that it refuses are drawn again, up to ten times, and a note counts those that are left.
        each: options of the recipe that differ from sample to sample, by functions of the samples' numbers.
        Raises RunError where there are no weights yet, ConfigError for a request that the model cannot meet,
        ValueError for a negative number.

        >>> from seqgan import Config, SeqGAN
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> [(len(ids), keep) for ids, keep in gan.draw(3, seed=0)]
        [(50, 3)]
        """
        yield from draw(
            *(self._trained, self.conditions, self.device, n, seed, request or {}, guidance, accepts),
            *(options, each),
        )

    def has_trained(self, module: str) -> bool:
        """Whether a module of the recipe has learned: an optimiser took a step on it, or a shared model came with it.

        Raises RunError where there are no weights yet.

        >>> from molgan import MolGAN
        >>> [MolGAN.load("qm9").has_trained(name) for name in ("generator", "critic", "encoder")]
        [True, True, False]
        """
        recipe = self._trained
        if module not in recipe.modules:
            return False
        if self._shared is not None and self._training is None:
            return module in self._shared or (module == "generator" and "averaged" in self._shared)
        weights = list(recipe.modules[module].parameters())
        return any(weight in optimizer.state for optimizer in recipe.optimizers.values() for weight in weights)

    @property
    def _trained(self) -> Any:
        if self.recipe is None:
            name = type(self).__name__
            raise RunError(f"this {name} has no weights yet: call fit, or {name}.load a run folder.")
        return self.recipe

    def predict(self, strings: Sequence[str | None]) -> pd.DataFrame:
        """What the critic's head makes of strings: a row each, a column for each condition; NaN where none can be read.

        Of a number its value in its own unit, of a class the likeliest and `<name>_probability`. The head is there
        where `critic.conditioning` is auxiliary or twin; rows without a value train the critic all the same, so that a
        few labels go far (Odena 2016; Salimans et al. 2016).
        Raises ConfigError for a model without conditions or without such a head, RunError without weights.

        >>> from seqgan import Config, SeqGAN
        >>> few = ["recipe=gumbel", "steps=1", "likelihood.epochs=1", "critic.kind=textcnn", "critic.pretrain=1"]
        >>> gan = SeqGAN(Config.load("small", [*few, "critic.conditioning=auxiliary"]))
        >>> rows = pd.DataFrame({"text": ["the cat sat", "a dog ran"] * 4, "label": ["cat", "dog"] * 4})
        >>> list(gan.fit(rows, condition="label", quiet=True).predict(["the cat ran"]))
        ['label', 'label_probability']
        """
        recipe = self._trained
        if self.conditions is None:
            raise ConfigError("predict: this model was trained without conditions; give some to fit.")
        refuse_without(recipe, "predict", "predict")
        if getattr(self.config.critic, "conditioning", "") not in ("auxiliary", "twin"):
            raise ConfigError("predict: this model's critic has no head; train one with critic.conditioning=auxiliary.")
        frames = [pd.DataFrame()]
        for start in range(0, len(strings), _PREDICTED):
            sample, rows = self.domain.encode(strings[start : start + _PREDICTED], recipe.space)
            if rows:
                entries = recipe.predict(tuple(part.to(self.device) for part in sample)).cpu().numpy()
                frames.append(pd.DataFrame(self.conditions.decode(entries), index=[start + row for row in rows]))
        return pd.concat(frames).reindex(range(len(strings)))

    # Saving and loading -----------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write configuration, weights and the state of training to a run folder, each file whole or not at all.

        Raises RunError where there are no weights yet, OSError when the folder cannot be written.

        >>> from seqgan import Config, SeqGAN
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     gan.save(folder)
        ...     SeqGAN.load(folder).sample(3) == gan.sample(3)
        True
        """
        write(folder, self.config, *self._state)

    def save_pretrained(
        self, folder: str | Path, figures: Evaluation | None = None, data: str = "", compact: bool = False
    ) -> None:
        """Write a model to share: `model.safetensors` (what sampling needs), `config.toml`, and a card in `README.md`.

        figures: what `evaluate` said of its samples, for the card. data: what it was trained on, a sentence.
        compact: round the weights to 16 bits, half the size; its samples then differ a little from the run's.
        Raises RunError where there are no weights yet, OSError when the folder cannot be written.

        >>> from seqgan import Config, SeqGAN
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     gan.save_pretrained(folder, data="Three lines.")
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['README.md', 'config.toml', 'model.safetensors']
        """
        state, card = self._state, self.domain.card(self)
        about = pretrained.About(
            *(self.domain.half, type(self).__name__, card.title, data or _NOT_SAID),
            *card[1:],
            tuple(item.about for item in self.conditions.items) if self.conditions is not None else (),
            private := statement(self._trained, self.provenance),
        )
        if private:
            state = state[0], state[1] | {"provenance": state[1]["provenance"] | {"privacy": private}}
        pretrained.write(folder, self.config, state, about, figures, compact, self._trained.sampling_modules)

    @property
    def _state(self) -> State:
        """What training goes on from; a loaded model's stands where it stood."""
        self._trained  # noqa: B018, raises
        return self._training.state() if self._training is not None else self._loaded

    @classmethod
    def load(cls: type[M], source: str | Path, device: str | None = None, checkpoint: str = "last") -> M:
        """A trained model, ready to sample: from a run folder, a shared model, or by the name of a bundled one.

        device: overrides the configuration's. checkpoint: of a run, "last", "best" (see `checkpoint.best`) or a
        step's number. Nothing in the files is executed. Raises RunError or CheckpointError, one sentence each, for
        what is missing, unfinished, damaged, of another format, or holds what no model of this kind has.

        >>> from molgan import MolGAN
        >>> MolGAN.load("qm9").sample(2, seed=0)[0] is None
        False
        """
        domain = cls.domain
        stored = pretrained.find(source, checkpoint, domain.half)
        with stored.as_checkpoint_error():
            model = cls(domain.config_class.revive(stored.values["config"], stored.folder, device))
            kind = domain.recipes[model.config.recipe]
            try:
                space = domain.restore_space(stored)
            except CheckpointError as error:
                raise CheckpointError(f"{stored.folder}: {error}") from None
            model.recipe, model._loaded = pretrained.revive(
                stored, lambda where: kind(model.config, space, where), model.device
            )
            if not stored.whole:
                model._shared = frozenset(name.split("/")[0] for name in stored.shapes)
            model.provenance = stored.values["provenance"]
            if "conditions" in stored.values:
                model.conditions = Conditions.restore(stored.values["conditions"])
        return model

    @classmethod
    def from_pretrained(cls: type[M], source: str | Path, device: str | None = None, revision: str | None = None) -> M:
        """`load`; what is not on this machine is taken for the id of a model on the Hugging Face hub, `owner/name`.

        revision: of the hub's model, a branch or a commit. Raises what `load` raises, and RunError when the hub has no
        such model.

        >>> from seqgan import Config, SeqGAN
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     gan.save_pretrained(folder)
        ...     SeqGAN.from_pretrained(f"{folder}/model.safetensors").sample(3) == gan.sample(3)
        True
        """
        return cls.load(pretrained.fetched(source, revision), device)
