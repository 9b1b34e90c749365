"""Image captions, one table: `python -m benchmarks.captions --data FOLDER` with coco_train.txt and coco_test.txt.

Protocol: trained on the 10,000 training captions (a twentieth of them to stop on); 10,000 captions drawn with seed 0;
BLEU-n of each against all 10,000 test captions, Self-BLEU-n of each against the other 9,999, method-1 smoothing, means;
tokens as in the files. Published rows follow other protocols and are for orientation only.
"""

import argparse
import time
from pathlib import Path

from gancore.runs.settings_keys import has
from seqgan.gan import SeqGAN
from seqgan.metrics import bleu, copied_spans, self_bleu
from seqgan.metrics.evaluation import split_tokens
from seqgan.recipes.config import Config

N = 10_000
TEMPERATURES = (1.0, 0.9, 0.8)
RECIPES = {
    "maximum likelihood": ["recipe=mle"],
    "SeqGAN, rollouts": ["critic.kind=textcnn", "policy.reward=rollout", "policy.likelihood=0.0", "steps=60"],
    "SeqGAN, dense critic": [],
    "residual": ["recipe=residual", "steps=400", "lr=1e-3", "batch=64"],
}
_SHORT = (
    *("likelihood.epochs=1", "steps=1", "batch=8", "critic.pretrain=1", "critic.steps=1", "policy.rollouts=1"),
    *("critic.pool=16", "critic.filters=0.02", "model.embedding=8", "model.width=8", "residual.calibration=8"),
)
PUBLISHED = """\
| *SeqGAN, published (BLEU; Self-BLEU by Texygen)* | | .745 | .498 | .294 | .180 | .950 | .840 | .670 | .489 | | | |
| *LeakGAN, published* | | .746 | .528 | .355 | .230 | .966 | .913 | .848 | .780 | | | |
| *RelGAN(1000), published* | | .814 | .634 | .455 | .303 | | | | | | | |"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with coco_train.txt and coco_test.txt")
    parser.add_argument("--rows", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    arguments = parser.parse_args()
    train, test = ((arguments.data / f"coco_{part}.txt").read_text().splitlines() for part in ("train", "test"))
    reference, known = split_tokens(test), split_tokens(train)
    print("| | τ | BLEU-2 | 3 | 4 | 5 | Self-BLEU-2 | 3 | 4 | 5 | unique | copied | CPU-s |")
    print("|---" * 13 + "|")
    print(_row("real (train)", "", train, reference, known, ""))
    n, temperatures = (40, TEMPERATURES[:1]) if arguments.short else (N, TEMPERATURES)
    for name in arguments.rows:
        start = time.process_time()
        settings = ["data.test=0.0", *RECIPES[name]]
        kind = type(Config.load("captions", settings))
        settings += [one for one in _SHORT if arguments.short and has(kind, one.partition("=")[0])]
        gan = SeqGAN(Config.load("captions", settings)).fit(train, quiet=True)
        seconds = f"{time.process_time() - start:.0f}"
        for temperature in temperatures:
            texts = gan.sample(n, temperature, seed=0)
            print(_row(name, f"{temperature:g}", texts, reference, known, seconds), flush=True)
    print(PUBLISHED)


def _row(name: str, temperature: str, texts: list[str], reference, known, seconds: str) -> str:
    words = split_tokens(texts)
    figures = [*bleu(words, reference).mean(0), *self_bleu(words).mean(0), len(set(texts)) / len(texts)]
    copied = "" if name.startswith("real") else f"{copied_spans(words, known).mean():.2f}"
    return (
        f"| {name} | {temperature} | "
        + " | ".join(f"{figure:.3f}" for figure in figures)
        + f" | {copied} | {seconds} |"
    )


if __name__ == "__main__":
    main()
