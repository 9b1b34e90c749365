"""Image captions, one table: `python -m benchmarks.captions --data FOLDER` with coco_train.txt and coco_test.txt.

Protocol: trained on the training captions (a twentieth of them to stop on); as many captions drawn with seed 0; BLEU-n
of each against all test captions, Self-BLEU-n of each against all others, method-1 smoothing, means; tokens as in the
files. `--split published` takes the two files as they are, 10,000 captions each; they differ in topic. `--split mixed`
shuffles the distinct captions of both with seed 0: 10,000 to train on, 5,000 for critics, which no row here sees, and
the rest to judge by. Published rows follow other protocols and are for orientation only.
"""

import argparse
import random
import time
from pathlib import Path

from gancore.runs.settings_keys import has
from seqgan.gan import SeqGAN
from seqgan.metrics import bleu, copied_spans, self_bleu
from seqgan.metrics.evaluation import split_tokens
from seqgan.metrics.two_sample import shift_between
from seqgan.recipes.config import Config

N, CRITIC = 10_000, 5_000
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
    parser.add_argument("--split", choices=("published", "mixed"), default="published", help="which captions are which")
    parser.add_argument("--rows", nargs="*", choices=RECIPES, help="default all; without names, real captions alone")
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    arguments = parser.parse_args()
    train, test = captions(arguments.data, arguments.split)
    reference, known = split_tokens(test), split_tokens(train)
    area = shift_between(known, reference)
    if area is not None:
        print(f"{len(train):,} training, {len(test):,} test captions; told apart with AUC {area.value:.3f} ", end="")
        print(f"({area.low:.3f} to {area.high:.3f})\n")
    print("| | τ | BLEU-2 | 3 | 4 | 5 | Self-BLEU-2 | 3 | 4 | 5 | unique | copied | CPU-s |")
    print("|---" * 13 + "|")
    print(_row("real (train)", "", train, reference, known, ""))
    n, temperatures = (40, TEMPERATURES[:1]) if arguments.short else (N, TEMPERATURES)
    for name in RECIPES if arguments.rows is None else arguments.rows:
        start = time.process_time()
        settings = ["data.test=0.0", *RECIPES[name]]
        kind = type(Config.load("captions", settings))
        settings += [one for one in _SHORT if arguments.short and has(kind, one.partition("=")[0])]
        gan = SeqGAN(Config.load("captions", settings)).fit(train, quiet=True)
        seconds = f"{time.process_time() - start:.0f}"
        for temperature in temperatures:
            texts = gan.sample(n, temperature, seed=0)
            print(_row(name, f"{temperature:g}", texts, reference, known, seconds), flush=True)
    if arguments.split == "published":
        print(PUBLISHED)


def captions(folder: Path, split: str) -> tuple[list[str], list[str]]:
    """Training and test captions of a split; those between them in the mixed one are for critics."""
    train, test = ((folder / f"coco_{part}.txt").read_text().splitlines() for part in ("train", "test"))
    if split == "published":
        return train, test
    mixed = list(dict.fromkeys(train + test))
    random.Random(0).shuffle(mixed)
    learnt, judged = (N, N + CRITIC) if len(mixed) > N + CRITIC else (len(mixed) // 2, 3 * len(mixed) // 4)
    return mixed[:learnt], mixed[judged:]


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
