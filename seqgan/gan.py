"""`SeqGAN`: the facade for sequences."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from gancore.errors import ConfigError, DataError
from gancore.facade.condition_values import NamedConditions
from gancore.facade.conditions import Request
from gancore.io.progress import over
from gancore.statistics.evaluation import Evaluation
from gancore.types import Reward
from seqgan.data.corpus import Corpus, as_lines
from seqgan.data.downloads import CORPORA
from seqgan.data.lines import Lines
from seqgan.metrics.evaluation import evaluate
from seqgan.metrics.novelty import with_novelty
from seqgan.networks.decoding import Decoding
from seqgan.recipes.completion import complete, prompt_refusal
from seqgan.recipes.config import Config
from seqgan.recipes.domain import Sequences
from seqgan.recipes.judged_sampling import refuse_ceiling
from seqgan.recipes.reading import ReadsSources
from seqgan.recipes.sequences import SampleOptions
from seqgan.text.alphabet import Ids
from seqgan.text.readable import readable
from seqgan.text.vocabulary import UNKNOWN, Texts, TokenError, Vocabulary


class SeqGAN(ReadsSources):
    """A generator of texts: `SeqGAN("small").fit(lines).sample(20, seed=0)`.

    config: a configuration, the name of a bundled one, or a TOML file. Raises ConfigError as `Config.load` does.

    >>> few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "critic.steps=1", "policy.rollouts=1"]
    >>> gan = SeqGAN(Config.load("small", few)).fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
    >>> len(gan.sample(5, seed=0))
    5
    """

    domain = Sequences()

    def __init__(self, config: Config | str | Path | None = None):
        super().__init__(config)

    def fit(
        self,
        source: "Corpus | pd.DataFrame | Iterable | str | Path | None" = None,
        out: str | Path | None = None,
        resume: bool = False,
        quiet: bool = False,
        reward: Reward | None = None,
        start: "SeqGAN | str | Path | None" = None,
        force: bool = False,
        condition: NamedConditions = (),
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
            vocabulary. Sizes that the configuration does not set are its own. With `likelihood.epochs=0` it is tuned
            at once.
        condition: what `sample` can then be asked for, by a recipe that accepts it: names of columns of the file or
            frame ("NAME", or "NAME:class" for one of classes; gaps are allowed), or "NAME=MODULE:FUNCTION", which
            labels the lines. A table by name takes functions themselves, for instance {"tone": classify}.
        An interrupt (Ctrl-C, SIGTERM) finishes the step, saves, and in a notebook gives back the model as it is.
        Raises DataError for unusable data, RunError when `out` holds another run or cannot be resumed, ConfigError
        for a reward or a start that cannot be used and for lines that are needed and not given, DivergedError when
        training left the numbers and going back to a checkpoint did not help, CollapsedError when a watch stopped it,
        RewardError when a reward fails: what was trained is saved, and a resumed run asks for the same strings again.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True).provenance["data"]["lines"]
        3
        """
        super().fit(source, out, resume, quiet, start, force, reward, condition)
        return self

    @property
    def vocabulary(self) -> Vocabulary | None:
        """The tokens; None before there are weights."""
        return self.recipe.space.vocabulary if self.recipe is not None else None

    @property
    def corpus(self) -> Corpus | None:
        """The lines trained on; None for a loaded model."""
        return self.data

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
        condition: Request | None = None,
        guidance: float = 1.0,
        ceiling: float | None = None,
    ) -> Texts:
        """Draw `n` texts, a list.

        temperature: above 0; below 1 favours the likely. prefix: what every text begins with; of several prefixes each
        has `n` texts, those that it has alone, one prefix after the other. top_k, nucleus: keep only the likeliest
        tokens (see `seqgan.networks.decoding.Decoding`). min_length, max_length: in tokens; at most what the longest
        training line had, which is the default. A text that has not ended by then is cut off, of byte
        pairs after a whole character.
        raw: leave out the critic of `critic.rejections`.
        condition: by the name of what the model was conditioned on, a number, a class, or a list with one for each
        text; what is not named is left open, and without a condition the texts have the data's own mix.
        guidance: above 1 pulls texts further towards what is asked, at a price in variety (Ho and Salimans 2022).
        ceiling: in place of `critic.ceiling`, for a model whose critic rejects samples: at least 1. A higher one takes
        more of the difference to the data away, and more draws.
        The same seed gives the same texts on one kind of device, and the first k of n draws do not depend on n.
        Raises ConfigError for a prefix with unknown tokens or too many, for settings out of range and for a condition
        that the model does not know, RunError where there are no weights yet.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> [text.split()[0] for text in gan.sample(2, prefix="the")]
        ['the', 'the']
        """
        drawn = self.stream(
            *(n, temperature, prefix, seed, top_k, nucleus, min_length, max_length, raw, condition, guidance, ceiling)
        )
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
        condition: Request | None = None,
        guidance: float = 1.0,
        ceiling: float | None = None,
    ) -> Iterator[str]:
        """`sample`, one text after the other, in constant memory. Raises ConfigError and RunError as `sample` does.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> list(gan.stream(4, seed=1)) == gan.sample(4, seed=1)
        True
        """
        longest = self._trained.space.length - 1  # the end has a place of its own
        if n < 0:
            raise ConfigError(f"cannot draw {n} texts.")
        if max_length is not None and not 1 <= max_length <= longest:
            raise ConfigError(f"max_length must be from 1 to {longest}, the longest training line's; got {max_length}.")
        if min_length > (max_length or longest):
            raise ConfigError(f"min_length {min_length} is above the largest length {max_length or longest}.")
        decoding = Decoding(temperature, top_k, nucleus, min_length, unknown=False)
        refuse_ceiling(ceiling, self._trained.config)
        for prefix_ids in self._prefixes(prefix, max_length or longest):
            options = SampleOptions(decoding, max_length, prefix_ids, self._words.rule, raw, ceiling)
            for ids, keep in self.draw(n, seed, condition, guidance, options=options):
                yield from self.domain.decode(ids[:keep], self.recipe.space)  # pyright: ignore

    def complete(self, prompts: Sequence[str], seed: int = 0, temperature: float = 1.0) -> list[str | None]:
        """One text for each of many prompts, which it begins with and adds to; many are drawn together.

        None where a prompt cannot be continued (see `refusal`). No critic is asked. A recurrent model may go on for as
        many tokens as its longest training line had. The same seed and prompts give the same texts on one kind of
        device. Raises ConfigError for a temperature out of range, RunError where there are no weights yet.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> [text.split()[0] for text in gan.complete(["the", "cat", "the cat"])]
        ['the', 'cat', 'the']
        """
        return complete(self._trained, self.device, prompts, seed, Decoding(temperature, unknown=False))

    def refusal(self, prompt: str) -> str:
        """Why a prompt cannot be continued, a few words; "" where it can. Raises RunError where there are no weights.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan = gan.fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
        >>> gan.refusal("the bird")
        "has 'bird', which the model does not know"
        """
        return prompt_refusal(self._trained, prompt)

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

    def _prefixes(self, prefix: object, longest: int) -> list[list[int]]:
        """The ids of each prefix. Raises ConfigError for what is no string and no list of some."""
        prefixes = [prefix or ""] if prefix is None or isinstance(prefix, str) else prefix
        if not isinstance(prefixes, Sequence) or not prefixes or not all(isinstance(text, str) for text in prefixes):
            raise ConfigError("prefix: give a string, or a list of strings, each of which begins n texts.")
        return [self._prefix(text, longest) for text in prefixes]

    def _prefix(self, prefix: str, longest: int) -> list[int]:
        try:
            ids = self._words.encode(prefix) if prefix else []
        except TokenError as error:
            raise ConfigError(f"prefix {prefix!r}: {error}.") from None
        if UNKNOWN in ids:
            raise ConfigError(f"prefix {prefix!r}: {self._words.unknown(prefix)!r} is not in the vocabulary.")
        if len(ids) > longest:
            raise ConfigError(f"prefix {prefix!r}: {len(ids)} tokens, and a text has at most {longest}.")
        return ids

    def save_transformers(self, folder: str | Path) -> bool:
        """Write a generator of `model.kind=gpt2` as a model of the package transformers, for its `from_pretrained`.

        Gives whether a tokenizer is beside it; SELFIES and tokens of another tokenizer have none.
        Raises ConfigError for a generator of another kind or with conditions, RunError where there are no weights yet.

        >>> gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"]))
        >>> gan.fit(["the cat sat", "the dog ran"], quiet=True).save_transformers("folder")
        Traceback (most recent call last):
        gancore.errors.ConfigError: the generator is no model of transformers: only one of model.kind=gpt2 is.
        """
        from seqgan.networks.gpt2 import write_transformers

        return write_transformers(self._trained.averaged.average, self._words, Path(folder))

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
        train: the lines trained on, to tell what is novel or copied; a loaded model has lost them too. Of a streamed
        corpus only `novel` is told.
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
        own = corpus.train if corpus is not None and known is None else None
        if own is not None and len(own) and not isinstance(own, Lines):
            known = self._lines(own)
        texts = self.sample(n, temperature, seed=seed)
        figures = evaluate(texts, real, known, self._words)
        return with_novelty(figures, texts, corpus) if corpus is not None and isinstance(own, Lines) else figures

    def _lines(self, ids: Ids) -> list[str]:
        """The texts of a part of the corpus."""
        return [self._words.decode(row) for row in ids.tolist()]

    @property
    def _words(self) -> Vocabulary:
        return self._trained.space.vocabulary
