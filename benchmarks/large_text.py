"""What a large corpus costs: `python -m benchmarks.large_text [--lines 1000000]`.

A file of random words, Zipf's law over a vocabulary of 50,000, is streamed (`data.stream`): read in two passes, encoded
on disk, trained on for some steps, and samples are looked up among all of its lines. Each part is measured in a process
of its own: CPU seconds, and the most memory it ever had. Reading again finds the corpus in the cache, as a resumed run
does. The file's folder and the cache are removed at the end.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.picking import alone

WORDS = 50_000
LINES_AT_ONCE = 100_000


def write(file: Path, lines: int, words: int, longest: int, seed: int = 0) -> None:
    """Lines of 5 to `longest` words; the rarest are those of the largest numbers."""
    random = np.random.default_rng(seed)
    names = np.array([f"w{number}" for number in range(words)])
    chances = 1 / np.arange(1, words + 1)
    sums = np.cumsum(chances / chances.sum())
    with open(file, "w", encoding="utf-8") as out:
        for start in range(0, lines, LINES_AT_ONCE):
            sizes = random.integers(5, longest + 1, min(LINES_AT_ONCE, lines - start))
            drawn = names[np.searchsorted(sums, random.random(sizes.sum())).clip(max=words - 1)]
            out.writelines(" ".join(line) + "\n" for line in np.split(drawn, np.cumsum(sizes)[:-1]))


def config() -> Any:
    """A small language model."""
    from seqgan.recipes.config import Config

    settings = ["recipe=mle", "data.stream=on", "data.max_length=512", "model.width=64", "model.embedding=32"]
    return Config.load("small", [*settings, "likelihood.epochs=1", "device=cpu"])


def read(file: Path) -> Any:
    """The corpus; what is not needed to read it is not imported."""
    from seqgan.data.corpus import Corpus

    settings = config()
    return Corpus.of(file, settings.data, settings.seed)


def train(file: Path, steps: int) -> None:
    """Some steps of maximum likelihood, by the loop that every run has."""
    _trained(file, steps)


def look_up(file: Path, samples: int) -> None:
    """Which samples are training lines; and which training lines are, all of course."""
    from seqgan.metrics.novelty import novelty

    gan = _trained(file, 1)
    corpus = gan.corpus
    assert corpus is not None
    assert gan.vocabulary is not None
    novelty(gan.sample(samples), corpus)
    lines = [gan.vocabulary.decode(row) for row in corpus.train[:samples].tolist()]
    assert novelty(lines, corpus).value == 0


def _trained(file: Path, steps: int) -> Any:
    import torch

    from gancore.training.run import Training
    from seqgan import SeqGAN

    gan = SeqGAN(config())
    torch.set_num_threads(1)
    whole = Training.run

    def some(self: Training, *arguments: Any, **named: Any) -> None:
        for phase in self.phases:
            phase.steps = range(min(steps, len(phase.steps)))
        whole(self, *arguments, **named)

    Training.run = some
    try:
        gan.fit(file, quiet=True)
    finally:
        Training.run = whole
    return gan


def tokens_of(file: Path, steps: int) -> float:
    """Tokens in so many batches, on average."""
    return steps * config().likelihood.batch * float(read(file).train.sizes[:100_000].double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--words", type=int, default=WORDS)
    parser.add_argument("--longest", type=int, default=24)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--samples", type=int, default=200)
    sizes = parser.parse_args()
    console = Console(width=120, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DISCRETEGAN_DATA"], file = folder, Path(folder, "lines.txt")
        write(file, sizes.lines, sizes.words, sizes.longest)
        console.print(f"{sizes.lines:,} lines, {file.stat().st_size / 1e6:,.0f} MB, {sizes.words:,} words")
        millions = sizes.lines / 1e6
        seconds, memory = alone(read, file)
        console.print(f"read: {seconds:.1f} CPU-s, {seconds / millions:.1f} a million lines; {memory:,.0f} MB at most")
        again, memory = alone(read, file)
        console.print(f"read again: {again:.1f} CPU-s; {memory:,.0f} MB at most")
        seconds, memory = alone(train, file, sizes.steps)
        few = alone(train, file, 1)[0]
        tokens = tokens_of(file, sizes.steps - 1) / max(1e-9, seconds - few)
        console.print(
            f"train {sizes.steps} steps: {seconds:.1f} CPU-s, {tokens:,.0f} tokens a second; {memory:,.0f} MB at most"
        )
        seconds, memory = alone(look_up, file, sizes.samples)
        console.print(f"look {2 * sizes.samples:,} texts up: {seconds:.1f} CPU-s in all; {memory:,.0f} MB at most")


if __name__ == "__main__":
    main()
