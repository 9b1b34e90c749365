"""What a critic that sampling asks is worth: `python -m benchmarks.judged_text`, on the embedded grammar.

One likelihood model; critics of each kind learn to tell its samples from lines that it was not trained on; sampling
asks them. Then the game of recipe gad from the same model. `auc`: area under the curve of the row's own critic, new
sentences of the grammar against the samples of the row; `other auc`: of the first critic of another kind, which had no
say in the samples. `drawn`: sequences drawn for each one kept. CPU seconds are of training alone.
"""

import argparse
import time
from typing import Any

import numpy as np

from gancore.statistics.ranking import area_under_curve
from seqgan import SeqGAN
from seqgan.data.grammar import corpus, english
from seqgan.metrics import self_bleu
from seqgan.metrics.evaluation import split_tokens
from seqgan.recipes.config import Config

KINDS = ("ngrams", "language", "language_and_ngrams", "textcnn")
SHORT = ("model.width=8", "model.embedding=8", "likelihood.epochs=1", "critic.pool=64", "critic.filters=0.02")


def trained(lines: list[str], start: SeqGAN | None, *settings: str) -> tuple[SeqGAN, float]:
    """A model of recipe gad, and the CPU seconds it took."""
    began = time.process_time()
    gan = SeqGAN(Config.load("gad", ["device=cpu", *settings])).fit(lines, start=start, quiet=True)
    return gan, time.process_time() - began


def scores(gan: SeqGAN, texts: list[str]) -> np.ndarray:
    """The critic's logits of texts."""
    recipe = gan.recipe
    (ids,), _ = gan.domain.encode(texts, recipe.space)
    return np.concatenate([recipe.critic_score((part,)).numpy() for part in ids.split(256)])


class Counted:
    """How many sequences a model draws, counted from here on."""

    def __init__(self, gan: SeqGAN):
        self.n, average = 0, gan.recipe.averaged.average
        self.start = start = average.start

        def counting(n: int, *rest: Any) -> Any:
            self.n += n
            return start(n, *rest)

        average.start = counting


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-n", type=int, default=4000, help="samples a row")
    parser.add_argument("--lines", type=int, default=10_000, help="sentences to train on")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS[:3])
    parser.add_argument("--ceiling", type=float, default=4.0)
    parser.add_argument("--no-game", action="store_true", help="leave the rows of the game out")
    parser.add_argument("--set", nargs="+", default=[], dest="settings", metavar="SETTING")
    parser.add_argument("--short", action="store_true", help="seconds, for a test")
    given = parser.parse_args()
    lines, held_out, grammar = corpus(given.lines, given.seed), corpus(given.n, given.seed + 1), english()
    shared = [f"seed={given.seed}", "model.width=128", "critic.held_out=0.2", *given.settings]
    shared += SHORT if given.short else ()
    base, cpu = trained(lines, None, *shared, "steps=0", "critic.pretrain=0", "critic.rejections=0")
    judged = {}
    for kind in given.kinds:
        own = [f"critic.kind={kind}", "likelihood.epochs=0", "steps=0", "critic.rejections=20"]
        judged[kind] = trained(lines, base, *shared, *own, f"critic.ceiling={given.ceiling}")
    game, game_cpu = None, 0.0
    if not given.no_game:
        own = ["likelihood.epochs=0", f"critic.ceiling={given.ceiling}"]
        game, game_cpu = trained(lines, base, *shared, *own)

    print("| | τ | in the grammar | Self-BLEU-4 | unique | auc | other auc | drawn | CPU-s |")
    print("|---|---|---|---|---|---|---|---|---|")

    def row(name: str, gan: SeqGAN | None, kind: str, cpu: float, temperature: float = 1.0, **asked: Any) -> None:
        counted = Counted(gan) if gan is not None else None
        texts = gan.sample(given.n, temperature, seed=given.seed, **asked) if gan is not None else held_out
        others = [other for other in judged if other != kind]
        judges = game if kind == "game" else judged[kind][0] if kind else None, judged[others[0]][0]
        aucs = [
            f"{area_under_curve(scores(judge, held_out), scores(judge, texts)):.3f}" if judge else ""
            for judge in judges
        ]
        figures = [grammar.contains(texts).mean(), float(self_bleu(split_tokens(texts), (4,)).mean())]
        figures += [len(set(texts)) / len(texts)]
        drawn = f"{counted.n / given.n:.2f}" if counted is not None else ""
        cells = [f"{temperature:g}", *(f"{one:.3f}" for one in figures), *aucs, drawn, f"{cpu:.0f}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        if gan is not None and counted is not None:
            gan.recipe.averaged.average.start = counted.start

    row("other sentences of the grammar", None, "", 0)
    for temperature in (1.0, 0.95, 0.9):
        row("likelihood", base, "", cpu, temperature)
    for kind, (gan, own_cpu) in judged.items():
        row(f"{kind}, no rejection", gan, kind, own_cpu, raw=True)
        row(f"{kind}, rejection", gan, kind, own_cpu)
    if game is None:
        return
    row("game (gad), no rejection", game, "game", game_cpu, raw=True)
    row("game (gad), no rejection", game, "game", game_cpu, 0.95, raw=True)
    row("game (gad), rejection", game, "game", game_cpu)


if __name__ == "__main__":
    main()
