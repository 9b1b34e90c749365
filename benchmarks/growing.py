"""Progressive growing of text: `python -m benchmarks.growing [--seeds 0 1] [--steps 200]`.

Recipe gumbel on 2,000 lines of the embedded grammar, at a small size. Each seed has one likelihood phase, which all
rows begin from. Then come as many adversarial steps, with all lines, or with lines and samples of at most 8 and of at
most 12 tokens in the first two thirds (setting `grow`). NLL: nats a token of held-out lines. Beside it stand the share
of 1,000 samples that is in the grammar, that of distinct ones, and the CPU seconds of the adversarial steps.
"""

import argparse
import statistics
import time
from typing import Any

import torch

from gancore.training.device import new_generator, seed_everything
from gancore.training.loop import play
from gancore.training.run import Phase
from seqgan import Config
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus, english
from seqgan.data.space import TextSpace
from seqgan.networks.generator import nll
from seqgan.recipes.gumbel import GumbelGAN

CPU = torch.device("cpu")
ROWS = {"before the game": "", "all lines": "", "at most 8, then 12 tokens": "grow=[8, 12]"}
SETTINGS = ["model.width=96", "model.embedding=32", "batch=32", "likelihood.epochs=6", "critic.pretrain=50"]
SHORT = ["model.width=8", "model.embedding=8", "batch=8", "likelihood.epochs=1", "critic.pretrain=1"]
FIGURES = ("CPU s", "NLL", "in the grammar", "unique")


def recipe_of(data: Corpus, settings: list[str]) -> tuple[GumbelGAN, list[Phase]]:
    """A recipe and its phases."""
    seed_everything(0)
    config: Any = Config.load("gumbel", [setting for setting in settings if setting])
    recipe = GumbelGAN(config, TextSpace(data.alphabet, data.length, data.vocabulary), CPU)
    return recipe, recipe.phases(data)


def rows_of(seed: int, steps: int, short: bool) -> dict[str, list[float]]:
    """The figures of every row, for a seed."""
    own = [*(SHORT if short else SETTINGS), f"steps={steps}", f"seed={seed}", "device=cpu"]
    data = Corpus.of(corpus(60 if short else 2000, seed), Config.load("gumbel", own).data)
    first, (likelihood, *_) = recipe_of(data, own)
    play(likelihood.players, likelihood.batches, likelihood.steps, likelihood.callbacks, seed)
    state = first.averaged.state_dict()
    found = {}
    for name, growing in ROWS.items():
        recipe, (_, *game) = recipe_of(data, [*own, growing])
        recipe.averaged.load_state_dict(state)
        recipe.generator.load_state_dict(recipe.averaged.average.state_dict())
        spent = 0.0
        for phase in game if name != "before the game" else []:
            begun = time.process_time()
            phase.enter()
            play(phase.players, phase.batches, phase.steps, phase.callbacks, seed)
            spent += time.process_time() - begun if phase.name != "critic" else 0.0
        ids = recipe.sample(20 if short else 1000, new_generator(CPU, seed, "growing"))
        assert data.vocabulary is not None
        texts = [data.vocabulary.decode(row) for row in ids.tolist()]
        held = nll(recipe.averaged.average, data.held_out)
        found[name] = [spent, held, float(english().contains(texts).mean()), len(set(texts)) / len(texts)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--short", action="store_true", help="every row in a moment; the figures mean nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    each = [rows_of(seed, 4 if arguments.short else arguments.steps, arguments.short) for seed in arguments.seeds]
    print(f"| grammar, {len(each)} seeds | {' | '.join(FIGURES)} |")
    print("|---" * (len(FIGURES) + 1) + "|")
    for name in ROWS:
        values = zip(*(found[name] for found in each), strict=True)
        print(f"| {name} | {' | '.join(f'{statistics.fmean(value):.3f}' for value in values)} |")


if __name__ == "__main__":
    main()
