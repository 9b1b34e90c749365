"""`SeqGAN`: the facade a notebook uses. Fit, sample, evaluate, save, load."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.console import Console

from gancore.errors import CheckpointError, ConfigError, DataError, RunError
from gancore.io.progress import over
from gancore.io.rejected_rows import note_most_left_out, tell_rejected
from gancore.rewards.diversity_filter import DiversityFilter
from gancore.rewards.replay import Replay
from gancore.rewards.shaping import Steering
from gancore.runs import pretrained
from gancore.runs.checkpoint import State
from gancore.runs.folder import claim, write, write_held_out
from gancore.sampling.chunks import chunks
from gancore.statistics.evaluation import Evaluation
from gancore.training import distributed
from gancore.training.device import new_generator, pick_device, seed_everything
from gancore.training.run import Training
from gancore.types import Reward
from seqgan.config import LONGEST, Config
from seqgan.data.corpus import Corpus, as_lines
from seqgan.data.downloads import CORPORA
from seqgan.metrics.evaluation import evaluate
from seqgan.metrics.monitor import monitor_metrics
from seqgan.networks import decoding
from seqgan.networks.generator import at_rest
from seqgan.recipes import RECIPES, Likelihood, Reinforced, Relaxed, Residual
from seqgan.recipes.external_reward import load_key, load_reward
from seqgan.text.alphabet import Ids
from seqgan.text.readable import readable
from seqgan.text.splitting import advice
from seqgan.text.vocabulary import UNKNOWN, Texts, TokenError, Vocabulary

_SHOWN_TEXTS = 20
_LOOKED_AT = 1000  # training lines, to tell whether words suit them
_SHOWN = {
    "likelihood/nll": "nll",
    "valid/nll": "valid nll",
    "critic/adversarial": "critic",
    "critic/accuracy": "accuracy",
    "generator/reward": "reward",
    "generator/score": "score",
    "sample/unique": "unique",
    "sample/recall": "recall",
}
_UNTOLD = "Not told when this model was saved."
_TEXTS = (
    "Text generator",
    "Drawing texts like those it was trained on; research on generators of text.",
    "It knows nothing of what its words mean, repeats what its corpus holds, prejudice and private matters included, "
    "and may copy training lines: look at `novel` and `copied` before draws are published.",
)
_MOLECULES = (
    "Generator of molecules as strings",
    "Proposing molecules like those it was trained on, to be scored, filtered and looked at by a chemist; research on "
    "generators of strings.",
    "A drawn string need not be a molecule: `molgan evaluate` counts those that are. A molecule is a proposal: nothing "
    "here says that it can be made, is stable or safe. Draws may be training molecules.",
)


class SeqGAN:
    """A generator of texts: `SeqGAN("small").fit(lines).sample(20, seed=0)`.

    config: a configuration, the name of a bundled one, or a TOML file. Raises ConfigError as `Config.load` does.

    >>> few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "critic.steps=1", "policy.rollouts=1"]
    >>> gan = SeqGAN(Config.load("small", few)).fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
    >>> len(gan.sample(5, seed=0))
    5
    """

    def __init__(self, config: Config | str | Path | None = None):
        given = Config.load(config) if isinstance(config, (str, Path)) else config or Config()
        self.config = Config.revive(asdict(given), Path("config"))
        self.device = pick_device(self.config.device)
        self.networks: Likelihood | Reinforced | Relaxed | Residual | None = None
        self.vocabulary: Vocabulary | None = None
        self.corpus: Corpus | None = None
        self.provenance: dict[str, Any] = {}
        self._training: Training | None = None
        self._loaded: State = {}, {}  # the state a checkpoint came with

    # Training ---------------------------------------------------------------------------------

    def fit(
        self,
        source: "Corpus | pd.DataFrame | Iterable | str | Path | None" = None,
        out: str | Path | None = None,
        resume: bool = False,
        quiet: bool = False,
        reward: Reward | None = None,
        start: "SeqGAN | str | Path | None" = None,
        force: bool = False,
    ) -> "SeqGAN":
        """Train on a file or a list of `Path`s, a frame with a column text, any iterable of strings, or a corpus.

        source: None where a model is tuned on a reward alone: a `start`, `reward.weight=1` and `likelihood.epochs=0`
            leave nothing that learns from lines (`Config.needs_lines` tells what does).
        out: a run folder: configuration, metrics.jsonl, rejected lines and checkpoints go there; and held_out.txt, the
            lines that `data.test` keeps from training and stopping, to judge by.
        resume: go on from the folder's newest checkpoint, bit for bit on the CPU; starts anew where there is none.
        force: resume even where the configuration or the data are others.
        reward: an external reward, strings -> scores in [0, 1], mixed in with the configuration's `reward.weight`;
            takes the place of `reward.function`.
        start: a trained model, its folder, or the name of a bundled one, to go on from: its generator and its
            vocabulary. With `likelihood.epochs=0` it is tuned at once.
        An interrupt (Ctrl-C, SIGTERM) finishes the step, saves, and in a notebook gives back the model as it is.
        Raises DataError for unusable data, RunError when `out` holds another run or cannot be resumed, ConfigError
        for a reward or a start that cannot be used and for lines that are needed and not given, DivergedError when
        training left the numbers and going back to a checkpoint did not help, CollapsedError when a watch stopped it,
        RewardError when a reward fails: what was trained is saved, and a resumed run asks for the same strings again.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True).provenance["data"]["lines"]
        3
        """
        distributed.join(self.device)
        scored = self._reward(reward)
        claim(out, resume)
        console = Console(stderr=True, quiet=quiet or distributed.rank() > 0)
        begun = SeqGAN.load(start, str(self.device)) if isinstance(start, (str, Path)) else start
        source = CORPORA.files(source)
        corpus = source if isinstance(source, Corpus) else self._corpus(source, begun)
        note_most_left_out(corpus.rejected, sum(map(len, corpus.parts)) + len(corpus.rejected))
        if corpus.vocabulary is None:
            raise DataError("the corpus has no vocabulary: it holds ids that never were text.")
        _tell(corpus, console)
        seed_everything(self.config.seed)
        weights = self._weights_of(begun, corpus.vocabulary) if begun is not None else None
        training = self._build(corpus, corpus.vocabulary, scored)
        if weights is not None:
            for module in (self._trained.generator, self._trained.averaged.average):
                module.load_state_dict(weights)  # pyright: ignore
        if out is not None:
            write_held_out(Path(out) / "held_out.txt", corpus.aside, resume and not force)
        training.run(out, console, _SHOWN, self._monitor, corpus.rejected, resume, force, self._show)
        return self

    def _reward(self, given: Reward | None) -> Reward | None:
        """The external reward, if one is to be mixed in."""
        settings = self.config.reward
        if not settings.weight:
            if given is not None or settings.function:
                raise ConfigError("a reward was given, but reward.weight is 0: set it above 0, for instance to 0.5.")
            return None
        if given is None and not settings.function:
            raise ConfigError("reward.weight is above 0, but there is no reward: give one to fit, or reward.function.")
        return given or load_reward(settings.function, settings.argument)

    def _corpus(self, source: "pd.DataFrame | Iterable | str | Path | None", begun: "SeqGAN | None") -> Corpus:
        if source is None:
            if begun is None:
                raise ConfigError("no lines were given: only a model that is tuned (start) does without.")
            if self.config.needs_lines:
                raise ConfigError(f"no lines were given, and {self.config.needs_lines}.")
            return Corpus.empty(begun._words, begun._trained.length)
        given = (begun._words, begun._trained.length) if begun is not None else (None, None)
        return Corpus.of(source, self.config.data, self.config.seed, *given)

    def _weights_of(self, begun: "SeqGAN", vocabulary: Vocabulary) -> dict[str, Any]:
        """The generator's weights of another model, or of this one before it is built anew."""
        sizes = (replace(config.model, embedding_dropout=0.0, dropout=0.0) for config in (self.config, begun.config))
        if len(set(sizes)) > 1 or begun._words.tokens != vocabulary.tokens:
            raise ConfigError(
                "start: its generator has other sizes or another vocabulary; take over its [model] settings."
            )
        return begun._trained.averaged.average.state_dict()  # pyright: ignore

    def _build(self, corpus: Corpus, vocabulary: Vocabulary, reward: Reward | None) -> Training:
        self.corpus, self.vocabulary = corpus, vocabulary
        networks = RECIPES[self.config.recipe](self.config, corpus.alphabet, corpus.length, self.device)
        if isinstance(networks, Reinforced):
            networks.steering, networks.vocabulary = self._steering(reward), vocabulary
        self.networks, phases = networks, networks.phases(corpus)
        self.provenance = {
            "data": {
                "sha256": corpus.digest,
                "lines": sum(len(part) for part in corpus.parts),
                "rejected": len(corpus.rejected),
            },
            "versions": {name: version(name) for name in ("discretegan", "torch", "numpy")},
            "python": platform.python_version(),
        }
        values = {
            "half": "seqgan",
            "vocabulary": vocabulary.to_json(),
            "length": corpus.length,
            "provenance": self.provenance,
        }
        steering = networks.steering if isinstance(networks, Reinforced) else None
        self._training = Training(
            networks.modules,
            networks.optimizers,
            phases,
            self.device,
            self.config,
            ({}, values),
            {"steering": steering} if steering is not None else {},
        )
        return self._training

    def _steering(self, reward: Reward | None) -> Steering | None:
        """The external reward with the filter and the memory that the configuration asks for."""
        if reward is None:
            return None
        same, replay = self.config.reward.diversity, self.config.reward.replay
        filtered = DiversityFilter(load_key(same.by), same.bucket, same.least) if same.by else None
        memory = Replay(replay.size) if replay.size else None
        return Steering(reward, filtered, memory, when_spent=self.config.reward.when_spent)

    def _monitor(self, step: int, logs: dict[str, float]) -> None:
        """Every so often in the adversarial phase, put coverage and diversity of its generator into the logs."""
        game = any(name.startswith("generator/") for name in logs)
        if game and (step + 1) % self.config.monitor_every == 0:
            assert self.corpus is not None
            logs |= monitor_metrics(self._trained.averaged.average, self.corpus)  # pyright: ignore

    def _show(self) -> dict[str, str]:
        """A few draws for TensorBoard."""
        return {"sample/texts": "".join(f"    {text}\n" for text in self.sample(_SHOWN_TEXTS, seed=0))}

    # Sampling ---------------------------------------------------------------------------------

    def sample(
        self,
        n: int,
        temperature: float = 1.0,
        prefix: str | Sequence[str] = "",
        seed: int = 0,
        top_k: int = 0,
        nucleus: float = 1.0,
        min_length: int = 0,
        max_length: int | None = None,
        raw: bool = False,
    ) -> Texts:
        """Draw `n` texts, a list.

        temperature: above 0; below 1 favours the likely. prefix: what every text begins with; of several prefixes each
        has `n` texts, those that it has alone, one prefix after the other. top_k, nucleus: keep only the likeliest
        tokens (see `seqgan.networks.decoding.Decoding`). min_length, max_length: in tokens; at most what the longest
        training line had, which is the default. A text that has not ended by then is cut off, of byte
        pairs after a whole character.
        raw: leave out the critic of `critic.rejections`.
        The same seed gives the same texts on one kind of device, and the first k of n draws do not depend on n.
        Raises ConfigError for a prefix with unknown tokens or no room and for settings out of range, RunError where
        there are no weights yet.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> [text.split()[0] for text in gan.sample(2, prefix="the")]
        ['the', 'the']
        """
        drawn = self.stream(n, temperature, prefix, seed, top_k, nucleus, min_length, max_length, raw)
        return Texts(over(drawn, "drawing texts", n))

    def stream(
        self,
        n: int,
        temperature: float = 1.0,
        prefix: str | Sequence[str] = "",
        seed: int = 0,
        top_k: int = 0,
        nucleus: float = 1.0,
        min_length: int = 0,
        max_length: int | None = None,
        raw: bool = False,
    ) -> Iterator[str]:
        """`sample`, one text after the other, in constant memory. Raises ConfigError and RunError as `sample` does.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> list(gan.stream(4, seed=1)) == gan.sample(4, seed=1)
        True
        """
        networks = self._trained
        longest = networks.length - 1  # the end has a place of its own
        if n < 0:
            raise ConfigError(f"cannot draw {n} texts.")
        if max_length is not None and not 1 <= max_length <= longest:
            raise ConfigError(f"max_length must be from 1 to {longest}, the longest training line's; got {max_length}.")
        if min_length > (max_length or longest):
            raise ConfigError(f"min_length {min_length} is above the largest length {max_length or longest}.")
        chosen = decoding.Decoding(temperature, top_k, nucleus, min_length, unknown=False)
        begins = self._prefixes(prefix, max_length or longest)
        steps = networks.length if max_length is None else max_length
        for begun in begins:
            yield from self._drawn(n, seed, steps, chosen, begun, raw)

    def _drawn(
        self, n: int, seed: int, steps: int, chosen: decoding.Decoding, begun: list[int], raw: bool
    ) -> Iterator[str]:
        """`n` texts of at most so many steps that begin with some ids, a chunk at a time."""
        networks, vocabulary = self._trained, self._words
        generator, rule = networks.averaged.average, vocabulary.rule
        for chunk, size, keep in chunks(n):
            random = new_generator(self.device, seed, "sample", chunk)

            def draw(count: int, random: torch.Generator = random) -> Ids:
                with at_rest(generator):
                    return decoding.sample(generator, count, steps, random, chosen, begun, self.device, rule)  # pyright: ignore

            ids = draw(size)
            if isinstance(networks, Reinforced) and self.config.judges and not raw:
                networks.replace_rejected(ids, draw, random)
            yield from (vocabulary.decode(row) for row in ids[:keep].tolist())

    def readable(self, text: str) -> str:
        """A sampled text for readers: words get the spacing of prose, and capitals where the model has none.

        Texts of other tokens are as they should be. Figures are to be taken of the texts as they were sampled.
        Raises RunError where there are no weights yet.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat .", "the dog , too , ran .", "a cat ran ."], quiet=True)
        >>> gan.readable("a cat , too , ran .")
        'A cat, too, ran.'
        """
        if self._words.kind != "word":
            return text
        return readable(text, not self._words.cased)

    def _prefixes(self, prefix: object, room: int) -> list[list[int]]:
        """The ids of each prefix. Raises ConfigError for what is no string and no list of some."""
        prefixes = [prefix or ""] if prefix is None or isinstance(prefix, str) else prefix
        if not isinstance(prefixes, Sequence) or not prefixes or not all(isinstance(one, str) for one in prefixes):
            raise ConfigError("prefix: give a string, or a list of strings, each of which begins n texts.")
        return [self._prefix(one, room) for one in prefixes]

    def _prefix(self, prefix: str, room: int) -> list[int]:
        try:
            ids = self._words.encode(prefix) if prefix else []
        except TokenError as error:
            raise ConfigError(f"prefix {prefix!r}: {error}.") from None
        if UNKNOWN in ids:
            raise ConfigError(f"prefix {prefix!r}: {self._words.unknown(prefix)!r} is not in the vocabulary.")
        if len(ids) > room:
            raise ConfigError(f"prefix {prefix!r}: {len(ids)} tokens, and a text has at most {room}.")
        return ids

    def evaluate(
        self,
        n: int = 1000,
        reference: "pd.DataFrame | Iterable | str | Path | None" = None,
        temperature: float = 1.0,
        seed: int = 0,
        train: "pd.DataFrame | Iterable | str | Path | None" = None,
    ) -> Evaluation:
        """Judge `n` samples beside real lines (see `seqgan.evaluate`), both split into the tokens of this model.

        reference: real lines; those kept from training if not given, which a loaded model no longer has.
        train: the lines trained on, to tell what is novel or copied; a loaded model has lost them too.
        Raises DataError where there are no reference lines or too few, RunError where there are no weights yet.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> figures = gan.evaluate(20, reference=["the cat ran", "a dog ran", "the dog sat", "a dog sat"])
        >>> figures["unique"].n
        20
        """
        corpus = self.corpus
        if reference is not None:
            real = [line for _, line in as_lines(CORPORA.files(reference), self.config.data.column, True)[0] if line]
        elif corpus is not None and len(corpus.train):
            real = corpus.aside or self._lines(corpus.held_out)
        else:
            raise DataError(
                "a model that was loaded, or tuned without lines, has no reference lines: give `reference`."
            )
        known = None
        if train is not None:
            known = [line for _, line in as_lines(CORPORA.files(train), self.config.data.column, True)[0]]
        if known is None and corpus is not None and len(corpus.train):
            known = self._lines(corpus.train)
        return evaluate(self.sample(n, temperature, seed=seed), real, known, self._words)

    def _lines(self, ids: Ids) -> list[str]:
        """The texts of a part of the corpus."""
        return [self._words.decode(row) for row in ids.tolist()]

    @property
    def _trained(self) -> Likelihood | Reinforced | Relaxed | Residual:
        if self.networks is None:
            raise RunError("this SeqGAN has no weights yet: call fit, or SeqGAN.load a run folder.")
        return self.networks

    @property
    def _words(self) -> Vocabulary:
        self._trained  # noqa: B018, raises
        assert self.vocabulary is not None
        return self.vocabulary

    # Saving and loading -----------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write configuration, weights and the state of training to a run folder, each file whole or not at all.

        Raises RunError where there are no weights yet, OSError when the folder cannot be written.

        >>> from tempfile import TemporaryDirectory
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
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

        figures: what `evaluate` said of its draws, for the card. data: what it was trained on, a sentence.
        compact: round the weights to 16 bits, half the size; its draws then differ a little from the run's.
        Raises RunError where there are no weights yet, OSError when the folder cannot be written.

        >>> from tempfile import TemporaryDirectory
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> with TemporaryDirectory() as folder:
        ...     gan.save_pretrained(folder, data="Three lines.")
        ...     sorted(path.name for path in Path(folder).iterdir())
        ['README.md', 'config.toml', 'model.safetensors']
        """
        what, intended, limits = _MOLECULES if self._words.kind in ("smiles", "selfies") else _TEXTS
        about = pretrained.About("seqgan", "SeqGAN", what, data or _UNTOLD, intended, limits)
        pretrained.write(folder, self.config, self._state, about, figures, compact, self.config.judges)

    @property
    def _state(self) -> State:
        """What training goes on from; a loaded model's stands where it stood."""
        self._trained  # noqa: B018, raises
        return self._training.state() if self._training is not None else self._loaded

    @classmethod
    def load(cls, source: str | Path, device: str | None = None, checkpoint: str = "last") -> "SeqGAN":
        """A trained model, ready to sample: from a run folder, a shared model, or by the name of one that comes along.

        device: overrides the configuration's. checkpoint: of a run, "last", "best" (see `checkpoint.best`) or a
        step's number. Nothing in the files is executed. Raises RunError or CheckpointError, one sentence each, for
        what is missing, unfinished, damaged, of another format, or whose vocabulary does not fit the weights.

        >>> try:
        ...     SeqGAN.load("nowhere")
        ... except RunError as error:
        ...     print(str(error)[:20])
        nowhere: no run here
        """
        stored = pretrained.find(source, checkpoint, "seqgan")
        with stored.believed():
            gan = cls(Config.revive(stored.values["config"], stored.folder, device))
            gan.vocabulary, length = Vocabulary.from_json(stored.values["vocabulary"]), stored.values["length"]
            alphabet, weights = gan.vocabulary.alphabet, stored.shapes["averaged/average.embedding.weight"][0]
            if weights != alphabet.size:
                raise CheckpointError(
                    f"{stored.folder}: the vocabulary has {alphabet.size} tokens and the weights {weights}; "
                    "they are not of one run."
                )
            if not 1 <= length <= LONGEST + 1:
                raise CheckpointError(f"{stored.folder}: holds texts of {length} tokens; {LONGEST} are the most.")
            recipe = RECIPES[gan.config.recipe]
            gan.networks, gan._loaded = pretrained.revive(
                stored, lambda where: recipe(gan.config, alphabet, length, where), gan.device, gan.config.judges
            )
            gan.provenance = stored.values["provenance"]
        return gan

    @classmethod
    def from_pretrained(cls, source: str | Path, device: str | None = None, revision: str | None = None) -> "SeqGAN":
        """`load`; what is not on this machine is taken for the id of a model on the Hugging Face hub, `owner/name`.

        revision: of the hub's model, a branch or a commit. Raises what `load` raises, and RunError when the hub has no
        such model.

        >>> from tempfile import TemporaryDirectory
        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> with TemporaryDirectory() as folder:
        ...     gan.save_pretrained(folder)
        ...     SeqGAN.from_pretrained(f"{folder}/model.safetensors").sample(3) == gan.sample(3)
        True
        """
        return cls.load(pretrained.fetched(source, revision), device)


def _tell(corpus: Corpus, console: Console) -> None:
    if not len(corpus.train):
        console.print(f"no lines; {corpus.alphabet.size:,} tokens, up to {corpus.length - 1} a line", highlight=False)
        return
    train, valid, test = (f"{len(part):,}" for part in corpus.parts)
    console.print(
        f"{train} lines to train on, {valid} to stop on, {test} to judge by; {corpus.alphabet.size:,} tokens, up to "
        f"{corpus.length - 1} a line; {len(corpus.rejected):,} lines left out",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    tell_rejected(corpus.rejected, console)
    assert corpus.vocabulary is not None
    told = ""
    if corpus.vocabulary.kind == "word":
        told = advice([corpus.vocabulary.decode(row) for row in corpus.train[:_LOOKED_AT].tolist()])
    if told:
        console.print(f"warning: {told}", markup=False, highlight=False, soft_wrap=True)
