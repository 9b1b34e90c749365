"""Translation of sequences: `python -m benchmarks.translation paired`, `unpaired` or `molecules FILE`.

paired: recipe pix2pix on sentences in two dialects of the embedded grammar; `--corpus summaries` and `dialogue` on
its other pairs. `exact`: the share of held-out sentences whose likeliest translation is the true one, by likelihood
alone and after the adversarial steps; `BLEU-4` to the true one. CPU seconds beside.

unpaired: recipes cyclegan and stargan on sentences of either dialect, no pairs. `in dialect`: the share of translations
that are in the dialect asked for, by the grammar; `classifier`: that a classifier of n-grams calls so; `exact`: that
are the true translation; BLEU to the source, beside that of the true translation, and to the true translation.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from seqgan import Config, SeqGAN
from seqgan.data.dialects import FIRST, LAST, dialects, pairs
from seqgan.data.forms import dialogue, summaries
from seqgan.metrics.ngrams import bleu

Figures = dict[str, float]
JUDGED = 1000
"""Held-out sentences that are translated."""
CORPORA = {"dialects": pairs, "summaries": summaries, "dialogue": dialogue}
"""Pairs that the grammar makes, by name."""


def figures_of(gan: SeqGAN, test: pd.DataFrame, name: str) -> Figures:
    """The share of sources whose likeliest translation is the target, and BLEU-4 of all to their targets."""
    made = gan.translate(test["source"].tolist())["target"].fillna("")
    exact = float((made.to_numpy() == test["target"].to_numpy()).mean())
    near = float(pair_bleu(made.tolist(), test["target"].tolist(), (4,))[0])
    return {f"{name}: exact": exact, f"{name}: BLEU-4": near}


def of_pairs(corpus: str, seed: int, lines: int, judged: int, overrides: Sequence[str]) -> Figures:
    """Exact match and BLEU by likelihood alone, and after the adversarial steps."""
    rows = CORPORA[corpus](lines + judged, seed)
    train, test = rows[:lines], rows[lines:]
    own = [f"seed={seed}", "data.test=0", *overrides]
    begun = time.process_time()
    first = SeqGAN(Config.load("pix2pix", [*own, "steps=0"])).fit(train, quiet=True)
    middle = time.process_time()
    figures = figures_of(first, test, "likelihood") | {"likelihood: CPU s": middle - begun}
    begun = time.process_time()
    gan = SeqGAN(Config.load("pix2pix", [*own, "likelihood.epochs=0"])).fit(train, start=first, quiet=True)
    spent = time.process_time() - begun
    return figures | figures_of(gan, test, "adversary") | {"adversary: CPU s": spent}


def of_unpaired(recipe: str, seed: int, lines: int, judged: int, overrides: Sequence[str]) -> Figures:
    """What a recipe without pairs makes of held-out sentences, both ways, means of the two."""
    rows = pairs(2 * lines + judged, seed)  # of a sentence only one side is trained on
    train = pd.DataFrame(
        {
            "text": [*rows["source"][:lines], *rows["target"][lines : 2 * lines]],
            "label": [FIRST] * lines + [LAST] * lines,
        }
    )
    test = rows[2 * lines :]
    says, begun = classifier(train), time.process_time()
    gan = SeqGAN(Config.load(recipe, [f"seed={seed}", "data.test=0", *overrides])).fit(
        train, condition="label:class", quiet=True
    )
    spent, each = time.process_time() - begun, []
    for source, target, name in (("source", "target", LAST), ("target", "source", FIRST)):
        made = gan.translate(test[source].tolist(), condition={"label": name})["target"].fillna("").tolist()
        figures = {"in dialect": np.mean(dialects()[name].contains(made)), "classifier": np.mean(says(made) == name)}
        figures["exact"] = np.mean(np.array(made) == test[target].to_numpy())
        for other, judged_by in (("the source", test[source]), ("the true translation", test[target])):
            for order, value in zip((2, 4), pair_bleu(made, judged_by.tolist(), (2, 4)), strict=True):
                figures[f"BLEU-{order} to {other}"] = value
        ceiling = pair_bleu(test[target].tolist(), test[source].tolist(), (2, 4))
        figures |= {"true: BLEU-2 to the source": ceiling[0], "true: BLEU-4 to the source": ceiling[1]}
        each.append(figures)
    return {name: float(np.mean([one[name] for one in each])) for name in each[0]} | {"CPU s": spent}


def pair_bleu(made: Sequence[str], real: Sequence[str], orders: Sequence[int]) -> np.ndarray:
    """BLEU of each text against its own reference, mean over the texts, for each order."""
    both = zip(made, real, strict=True)
    return np.mean([bleu([one.split()], [other.split()], orders)[0] for one, other in both], 0)


def classifier(rows: pd.DataFrame) -> Callable[[Sequence[str]], np.ndarray]:
    """What names the dialect of sentences: logistic regression on counts of words and pairs of words."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    found = make_pipeline(CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+"), LogisticRegression(max_iter=1000))
    return found.fit(rows["text"], rows["label"]).predict


def show(rows: Sequence[Mapping[str, float]]) -> None:
    """Print mean and deviation over seeds."""
    table = pd.DataFrame(rows)
    print(pd.DataFrame({"mean": table.mean(), "deviation": table.std(ddof=0)}).round(4).to_string())


def main() -> None:
    """Print a line for each seed, then means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=["paired", "unpaired"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--judged", type=int, default=JUDGED)
    parser.add_argument("--recipes", nargs="+", default=["cyclegan", "stargan"])
    parser.add_argument("--corpus", choices=CORPORA, default="dialects", help="of paired")
    parser.add_argument("--set", nargs="*", default=[])
    given = parser.parse_args()
    for recipe in given.recipes if given.what == "unpaired" else ["pix2pix"]:
        rows = []
        for seed in given.seeds:
            own = seed, given.lines, given.judged, given.set
            rows.append(of_pairs(given.corpus, *own) if given.what == "paired" else of_unpaired(recipe, *own))
            print(recipe, seed, {key: round(float(value), 4) for key, value in rows[-1].items()}, flush=True)
        show(rows)


if __name__ == "__main__":
    main()
