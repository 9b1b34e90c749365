"""Gaps in sentences of the embedded grammar, filled: `python -m benchmarks.infilling`.

Held-out sentences have one to three gaps at random places. `kept`: the share of filled lines in which every given word
is there, in its place. `in the grammar`: that are in it. `as it was`: that are the true sentence. CPU seconds beside.

maskgan: recipe maskgan, which reads the whole line; by likelihood alone, then after the adversarial steps. Samples at
temperature 1, and the likeliest fillings. left to right: a likelihood model (configuration grammar, recipe mle) goes on
from what stands before each gap and sees nothing behind it. It is told how many words are missing.
"""

import argparse
import re
import time
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.translation import Figures, show
from gancore.training.device import new_generator
from seqgan import Config, SeqGAN
from seqgan.data.gaps import GAP
from seqgan.data.grammar import corpus, english
from seqgan.networks.decoding import Decoding
from seqgan.recipes.sequences import SampleOptions

JUDGED = 1000
"""Held-out sentences whose gaps are filled."""


Edges = list[tuple[int, int]]
"""The first word of each gap and the first word behind it."""


def edges_of(words: int, rng: np.random.Generator, most: int = 3) -> Edges:
    """1 to `most` gaps in so many words, their edges at random; at least one word is in a gap and between two."""
    gaps = int(rng.integers(1, min(most, (words + 1) // 2) + 1))
    places = np.sort(rng.choice(words + 1, 2 * gaps, replace=False)).tolist()
    return list(zip(places[::2], places[1::2], strict=True))


def with_gaps(line: str, edges: Edges) -> str:
    """A line with its gaps."""
    words = line.split()
    for first, behind in reversed(edges):
        words[first:behind] = [GAP]
    return " ".join(words)


def kept(line: str, text: str) -> bool:
    """Whether a text is a line whose gaps are each one word or more."""
    pattern = r"\S+(?: \S+)*".join(map(re.escape, line.split(GAP)))
    return re.fullmatch(pattern, text) is not None


def figures_of(name: str, gapped: Sequence[str], made: Sequence[str], true: Sequence[str]) -> Figures:
    """The three shares of filled lines."""
    both = zip(gapped, made, strict=True)
    figures = {
        "kept": float(np.mean([kept(line, text) for line, text in both])),
        "in the grammar": float(english().contains(made).mean()),
        "as it was": float(np.mean([text == line for text, line in zip(made, true, strict=True)])),
    }
    return {f"{name}: {key}": value for key, value in figures.items()}


def left_to_right(gan: SeqGAN, lines: Sequence[str], edges: Sequence[Edges], seed: int) -> list[str]:
    """Lines whose gaps are filled from what stands before, with as many words as are missing; one gap after another."""
    recipe, words = gan.recipe, gan.vocabulary
    assert words is not None
    true = [words.encode(line) for line in lines]
    made = [list(ids) for ids in true]
    for gap in range(max(map(len, edges))):
        rows = [row for row, own in enumerate(edges) if gap < len(own)]
        spans = [edges[row][gap] for row in rows]
        before = [
            torch.tensor(made[row][:first], dtype=torch.long) for row, (first, _) in zip(rows, spans, strict=True)
        ]
        prefixes = torch.nn.utils.rnn.pad_sequence(before, batch_first=True, padding_value=-1)
        steps = max(behind for _, behind in spans)
        options = SampleOptions(Decoding(min_length=steps, unknown=False), steps, prefixes, raw=True)
        drawn = recipe.sample(len(rows), new_generator(gan.device, seed, "left to right", gap), None, options)
        for row, (first, behind), ids in zip(rows, spans, drawn.tolist(), strict=True):
            made[row][first:behind] = ids[first:behind]
    return [words.decode(ids) for ids in made]


def run(seed: int, lines: int, judged: int, overrides: Sequence[str]) -> Figures:
    """All rows of one seed."""
    rows = list(dict.fromkeys(corpus(2 * (lines + judged), seed)))[: lines + judged]
    train = rows[:lines]
    known = {word for line in train for word in line.split()}
    true = [line for line in rows[lines:] if known.issuperset(line.split())]
    rng = np.random.default_rng(seed)
    edges = [edges_of(len(line.split()), rng) for line in true]
    gapped = [with_gaps(line, own) for line, own in zip(true, edges, strict=True)]
    settings, figures = [f"seed={seed}", "data.test=0", *overrides], {}
    begun = time.process_time()
    gan = SeqGAN(Config.load("maskgan", [*settings, "steps=0"])).fit(train, quiet=True)
    figures["likelihood: CPU s"] = time.process_time() - begun
    figures |= filled("likelihood", gan, gapped, true, seed)
    begun = time.process_time()
    gan = SeqGAN(Config.load("maskgan", [*settings, "likelihood.epochs=0"])).fit(train, start=gan, quiet=True)
    figures["adversary: CPU s"] = time.process_time() - begun
    figures |= filled("adversary", gan, gapped, true, seed)
    own = [
        one for one in settings if one.partition("=")[0] in ("seed", "data.test", "likelihood.epochs", "model.width")
    ]
    begun = time.process_time()
    plain = SeqGAN(Config.load("grammar", [*own, "recipe=mle"])).fit(train, quiet=True)
    figures["left to right: CPU s"] = time.process_time() - begun
    return figures | figures_of("left to right", gapped, left_to_right(plain, true, edges, seed), true)


def filled(name: str, gan: SeqGAN, gapped: Sequence[str], true: Sequence[str], seed: int) -> Figures:
    """Samples, and the likeliest."""
    figures: Figures = {}
    for how, temperature in (("sampled", 1.0), ("likeliest", 0.0)):
        made = gan.infill(gapped, seed=seed, temperature=temperature)["text"].fillna("").tolist()
        figures |= figures_of(f"{name}, {how}", gapped, made, true)
    return figures


def main() -> None:
    """Print a line for each seed, then means."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--judged", type=int, default=JUDGED)
    parser.add_argument("--set", nargs="*", default=[])
    given = parser.parse_args()
    rows: list[Figures] = []
    for seed in given.seeds:
        rows.append(run(seed, given.lines, given.judged, given.set))
        print(seed, {key: round(value, 4) for key, value in rows[-1].items()}, flush=True)
    show(rows)


if __name__ == "__main__":
    main()
