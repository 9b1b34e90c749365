"""The domain of sequences: how rows are read, samples written and runs monitored."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from torch import Tensor

from gancore.errors import CheckpointError, ConfigError, DataError
from gancore.facade.condition_values import ConditionSource, Spec, read_conditions
from gancore.facade.domain import RESPONSIBLE_MOLECULES, Card, Reading
from gancore.facade.examples import Examples
from gancore.facade.labels import LabelFile
from gancore.facade.model import Model
from gancore.facade.recipe import refuse_sizes, refuse_without
from gancore.io.import_object import load as load_object
from gancore.io.rejected_rows import count_of, tell_rejected
from gancore.rewards.diversity_filter import DiversityFilter
from gancore.rewards.replay import Replay
from gancore.rewards.shaping import RewardShaping
from gancore.types import Reward, Sample
from seqgan.data.corpus import Corpus, pad
from seqgan.data.downloads import CORPORA
from seqgan.data.space import TextSpace
from seqgan.metrics.monitor import monitor_metrics
from seqgan.recipes import RECIPES
from seqgan.recipes.config import Config
from seqgan.recipes.external_reward import load_key, load_reward
from seqgan.recipes.judged_sampling import tell_known_lines
from seqgan.text.alphabet import Ids
from seqgan.text.proteins import nucleotide_advice
from seqgan.text.splitting import advice
from seqgan.text.vocabulary import TokenError

_SHOWN_TEXTS = 20
_INSPECTED = 1000  # training lines, to tell whether words suit them
_TEXTS = Card(
    "Text generator",
    "Drawing texts like those it was trained on; research on generators of text.",
    "It knows nothing of what its words mean, repeats what its corpus holds, prejudice and private matters included, "
    "and may copy training lines: look at `novel` and `copied` before samples are published.",
    "Say of published samples that a machine wrote them. Do not use it to deceive, or to imitate a person. Look "
    "for private matters and prejudice first. docs/responsible-use.md of discretegan says more.",
)
_STRINGS = Card(
    "Generator of molecules as strings",
    "Proposing molecules like those it was trained on, to be scored, filtered and looked at by a chemist; research on "
    "generators of strings.",
    "A sampled string need not be a molecule: `molgan evaluate` counts those that are. A molecule is a proposal: "
    "nothing here says that it can be made, is stable or safe. Samples may be training molecules.",
    RESPONSIBLE_MOLECULES,
)
_PROTEINS = Card(
    "Generator of protein sequences",
    "Proposing sequences like those it was trained on, to be scored, filtered and looked at; research on generators.",
    "It writes sequences and knows nothing of structures: nothing here says that one folds, is active, safe or can be "
    "made. Samples may be training sequences: look at `novel` and `identity`.",
    "A sequence can be harmful: have proposals screened for toxins and pathogens before any are made, and follow the "
    "rules of your provider of synthesis. docs/responsible-use.md of discretegan says more.",
)


class Sequences:
    """The domain of sequences: lines in, token ids in between, lines out."""

    half = "seqgan"
    config_class = Config
    recipes = RECIPES
    aside = "held_out.txt"
    versions = ("discretegan", "torch", "numpy")
    labels: Mapping[str, str] = {
        "likelihood/nll": "nll",
        "valid/nll": "valid nll",
        "critic/adversarial": "critic",
        "critic/accuracy": "accuracy",
        "critic/auc": "held-out auc",
        "generator/reward": "reward",
        "generator/score": "score",
        "valid/exact": "valid exact",
        "sample/unique": "unique",
        "sample/recall": "recall",
    }

    def read(
        self, source: Any, config: Any, start: Model | None, condition: Sequence[Spec], kept: LabelFile
    ) -> Reading:
        """Lines as token ids, in a training, a validation and a test part."""
        source = CORPORA.files(source)
        known = start.conditions if start is not None else None
        default = getattr(RECIPES[config.recipe], "default_condition", "")
        if default and not condition and known is None:
            condition = [Spec.of(default)]
        names = [spec.name for spec in condition] or (known.names if known is not None else ())
        corpus = source if isinstance(source, Corpus) else self._corpus(source, config, start, names)
        if corpus.vocabulary is None:
            raise DataError("the corpus has no vocabulary: it holds ids that never were text.")
        if start is not None and start.recipe.space.vocabulary.tokens != corpus.vocabulary.tokens:
            raise ConfigError("start: the corpus was made for another vocabulary; give lines or a file.")
        if start is not None:
            tell_known_lines(config, start, corpus.digest)
        rows, lines = sum(map(len, corpus.parts)) + count_of(corpus.rejected), corpus.strings if names else []
        load = partial(load_object, "condition")
        source_rows = ConditionSource(lines, corpus.columns, load, kept=kept)
        labelled = read_conditions(condition, source_rows, known) if len(corpus.train) else None
        if labelled is None:
            return Reading(corpus, corpus.aside, corpus.rejected, rows, known)
        corpus = corpus.with_context(labelled.context)
        return Reading(corpus, corpus.aside, corpus.rejected, rows, labelled.conditions, labelled.labeller)

    @staticmethod
    def _corpus(source: Any, config: Any, start: Model | None, columns: Sequence[str] = ()) -> Corpus:
        space = start.recipe.space if start is not None else None
        if source is not None:
            vocabulary, length = (space.vocabulary, space.length) if space is not None else (None, None)
            kind = getattr(RECIPES[config.recipe], "corpus_class", Corpus)
            if kind is not Corpus and config.data.stream == "on":
                raise ConfigError(f"data.stream=on: recipe {config.recipe} needs all rows in memory; leave it out.")
            return kind.of(source, config.data, config.seed, vocabulary, length, columns=columns)
        if space is None and getattr(RECIPES[config.recipe], "corpus_class", None) is not None:
            raise ConfigError(f"no lines were given, and {config.needs_lines}.")
        if space is None:
            raise ConfigError("no lines were given: only a model that is tuned (start) does without.")
        if config.needs_lines:
            raise ConfigError(f"no lines were given, and {config.needs_lines}.")
        return Corpus.empty(space.vocabulary, space.length)

    def tell(self, reading: Reading, console: Console) -> None:
        """How many lines, of how many tokens; the lines left out; whether words suit them."""
        corpus = reading.data
        if not len(corpus.train):
            console.print(
                f"no lines; {corpus.alphabet.size:,} tokens, up to {corpus.length - 1} a line", highlight=False
            )
            return
        train, valid, test = (f"{len(part):,}" for part in corpus.parts)
        console.print(
            f"lines: {train} for training, {valid} for early stopping, {test} held out, "
            f"{count_of(corpus.rejected):,} left out; "
            f"{corpus.alphabet.size:,} kinds of tokens, up to {corpus.length - 1} tokens per line",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        tell_rejected(corpus.rejected, console)
        advise = {"word": advice, "protein": nucleotide_advice}.get(corpus.vocabulary.kind)
        if advise is not None:
            advised = advise([corpus.vocabulary.decode(row) for row in corpus.train[:_INSPECTED].tolist()])
            if advised:
                console.print(f"warning: {advised}", markup=False, highlight=False, soft_wrap=True)

    def space(self, data: Corpus, start: Model | None, config: Any, groups: tuple[int, ...] = ()) -> TextSpace:
        """The vocabulary and the length of the corpus, and some of its contexts, or those of the start."""
        examples = start.recipe.space.examples if start is not None else None
        if data.context is not None:
            examples = Examples.of(data.context, groups, config.seed)
        return TextSpace(data.alphabet, data.length, data.vocabulary, examples=examples)

    def restore_space(self, stored: Any) -> TextSpace:
        """Back from a stored model; raises CheckpointError where the vocabulary is not of its weights."""
        space = TextSpace.restore(stored.part("examples"), stored.values)
        weights = stored.shapes["averaged/average.embedding.weight"][0]
        if weights != space.alphabet.size:
            raise CheckpointError(
                f"the vocabulary has {space.alphabet.size} tokens and the weights {weights}; they are not of one run."
            )
        return space

    def counts(self, reading: Reading) -> dict[str, Any]:
        """The data's sha256, lines, lines left out."""
        corpus = reading.data
        return {"sha256": corpus.digest, "lines": sum(map(len, corpus.parts)), "rejected": count_of(corpus.rejected)}

    def reward(self, config: Any, own: Reward | None, kind: Any) -> RewardShaping | None:
        """The external reward with the filter and the memory that the configuration asks for."""
        if own is not None:
            refuse_without(kind, "reward", "reward")
        if "reward" not in kind.capabilities:
            return None
        settings = config.reward
        if not settings.weight:
            if own is not None or settings.function:
                raise ConfigError("a reward was given, but reward.weight is 0: set it above 0, for instance to 0.5.")
            return None
        if own is None and not settings.function:
            raise ConfigError("reward.weight is above 0, but there is no reward: give one to fit, or reward.function.")
        reward = own or load_reward(settings.function, settings.argument)
        limit = settings.diversity
        diversity = DiversityFilter(load_key(limit.by), limit.bucket, limit.least) if limit.by else None
        replay = Replay(settings.replay.size) if settings.replay.size else None
        return RewardShaping(reward, diversity, replay, when_spent=settings.when_spent)

    def start_weights(self, recipe: Any, start: Model) -> dict[str, dict[str, Any]]:
        """The averaged generator, for the generator and its average."""
        average = start.recipe.averaged.average.state_dict()
        new = recipe.modules["generator"].state_dict()
        if type(start.recipe.generator) is not type(recipe.generator):
            raise ConfigError(
                f"start: a generator of recipe {start.config.recipe} has other parts than one of recipe "
                f"{recipe.config.recipe}; begin with one of the same recipe."
            )
        if any(name not in new or new[name].shape != part.shape for name, part in average.items()):
            refuse_sizes(recipe.config.model, start.config.model)
        averaged = {f"average.{name}": part for name, part in average.items()}
        return {"generator": average, "averaged": averaged}

    def encode(self, strings: Sequence[str | None], space: TextSpace) -> tuple[Sample, list[int]]:
        """Ids of those strings that the vocabulary holds and that are not too long."""
        assert space.vocabulary is not None
        lines, rows = [], []
        for row, text in enumerate(strings):
            with contextlib.suppress(TokenError):
                ids = space.vocabulary.encode(text.strip()) if text else []
                if 0 < len(ids) < space.length:
                    lines.append(ids)
                    rows.append(row)
        return (pad(lines, space.length),), rows

    def sizes(self, sample: Sample, space: TextSpace) -> Tensor:
        """Tokens of each line `(batch,)`, with its end."""
        return space.alphabet.mask(sample[0]).sum(1)

    def refusal(self, text: str | None, space: TextSpace) -> str:
        """Why a string is no line of the vocabulary and of its length; "" where it is."""
        assert space.vocabulary is not None
        try:
            ids = space.vocabulary.encode(text.strip()) if text else []
        except TokenError as error:
            return str(error)
        most = space.length - 1
        return "empty" if not ids else f"{len(ids)} tokens, the model holds {most}" if len(ids) > most else ""

    def decode(self, samples: Ids, space: TextSpace) -> Iterator[str]:
        """Lines."""
        assert space.vocabulary is not None
        yield from (space.vocabulary.decode(row) for row in samples.tolist())

    def monitor(self, model: Model, data: Corpus) -> Callable[[int, dict[str, float]], None]:
        """Coverage and diversity of the averaged generator, once it no longer learns by likelihood alone."""

        def monitor(step: int, logs: dict[str, float]) -> None:
            adversarial = any(name.startswith("generator/") for name in logs)
            if adversarial and (step + 1) % model.config.monitor_every == 0:
                recipe = model.recipe
                translates = recipe.capabilities & {"translate", "infill"}
                logs |= recipe.figures(data) if translates else monitor_metrics(recipe.averaged.average, data)

        return monitor

    def show(self, model: Model) -> dict[str, Any]:
        """A few texts for TensorBoard."""
        texts = model.sample(_SHOWN_TEXTS, seed=0)  # type: ignore[attr-defined]
        return {"sample/texts": "".join(f"    {text}\n" for text in texts)}

    def card(self, model: Model) -> Card:
        """What it is for, and its limits."""
        return {"smiles": _STRINGS, "selfies": _STRINGS, "protein": _PROTEINS}.get(
            model.recipe.space.vocabulary.kind, _TEXTS
        )
