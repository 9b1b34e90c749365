"""Which texts are no training lines, of a corpus of any size."""

from collections.abc import Sequence

from gancore.statistics.evaluation import Evaluation
from gancore.statistics.intervals import Estimate, wilson_interval
from seqgan.data.corpus import Corpus, pad
from seqgan.text.vocabulary import UNKNOWN, TokenError


def novelty(texts: Sequence[str], corpus: Corpus) -> Estimate:
    """Share of the distinct texts that are no line of the training part, token by token, with its interval.

    Texts with tokens that the corpus has not, and those without any, are novel.

    >>> from seqgan.data.settings import DataConfig
    >>> corpus = Corpus.of(["a dog ran", "a cat sat"], DataConfig(valid=0.0, test=0.0))
    >>> novelty(["a dog ran", "a dog sat"], corpus).value
    0.5
    """
    assert corpus.vocabulary is not None
    lines: set[tuple[int, ...]] = set()
    others: set[str] = set()
    for text in set(texts):
        try:
            ids = corpus.vocabulary.encode(text)
        except TokenError:
            ids = []
        if 0 < len(ids) < corpus.length and UNKNOWN not in ids:
            lines.add(tuple(ids))
        else:
            others.add(text)
    known = int(corpus.known.contain(pad([list(line) for line in lines], corpus.length)).sum())
    total = len(lines) + len(others)
    return wilson_interval(total - known, total)


def with_novelty(figures: Evaluation, texts: Sequence[str], corpus: Corpus) -> Evaluation:
    """Figures with `novel` among all lines of a corpus, and a note that `copied` was not measured."""
    told = "The training lines are on disk: novel is of all of them, copied is not measured; give some as `train`."
    return Evaluation({**figures, "novel": novelty(texts, corpus)}, [*figures.notes, told])
