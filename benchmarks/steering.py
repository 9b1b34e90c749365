"""What rewards buy and what they cost: `python -m benchmarks.steering [--model qm9] [--steps 150] [--out FOLDER]`.

Every row tunes the same trained model with the configuration steer on QED and synthetic accessibility, multiplied, for
as many steps, and judges 10,000 draws. The table is printed, the trade drawn to OUT/tradeoff.png. A row that is in OUT
already is not made anew.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from gancore.io.atomic_write import write_text
from gancore.training.settings import ReplayConfig
from molgan import chemistry
from molgan.data.dataset import as_rows, embedded
from molgan.gan import MolGAN
from molgan.metrics import evaluate
from molgan.recipes.config import Config, DiversityConfig, PolicyRewardConfig, StageConfig
from molgan.scoring.benchmarks import load_score
from molgan.scoring.definition import Component, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.properties import scaffold_of
from molgan.scoring.scorer import Scorer, property_frame

SCORE = ScoreConfig(
    aggregate="product",
    components=(
        Component("qed", Desirability("maximize", low=0.0, high=1.0)),
        Component("sa", Desirability("minimize", low=1.0, high=10.0)),
    ),
)
_MEMORY = ReplayConfig(size=200, batch=16, weight=0.1)
_STAGE = StageConfig(load_score("qed"), goal=0.5)
ROWS = {
    "weight 5": PolicyRewardConfig(weight=5.0, score=SCORE),
    "weight 20": PolicyRewardConfig(weight=20.0, score=SCORE),
    "weight 80": PolicyRewardConfig(weight=80.0, score=SCORE),
    "weight 20, no more of a scaffold": PolicyRewardConfig(
        weight=20.0, score=SCORE, diversity=DiversityConfig("scaffold")
    ),
    "weight 20, memory of the best": PolicyRewardConfig(weight=20.0, score=SCORE, replay=_MEMORY),
    "weight 20, QED alone first": PolicyRewardConfig(weight=20.0, score=SCORE, stages=(_STAGE,)),
    "weight 80, nothing else": PolicyRewardConfig(weight=80.0, score=SCORE, critic=0.0),
}
AS_IT_IS = "as it is"
MOLGAN = 0.61, 0.023  # mean QED and uniqueness of MolGAN's own reward runs, as published
DRAWS = 10_000


def tuned(model: str, steps: int, reward: PolicyRewardConfig, smiles: list[str], *overrides: str) -> MolGAN:
    """The model after some steps with a reward; without the critic in it, without the likelihood too."""
    config = Config.load("steer", [f"steps={steps}", f"monitor_every={10**6}", *overrides])
    config = replace(config, reward=reward, bound=config.bound if reward.critic else 0.0)
    return MolGAN(config).fit(smiles, start=model, quiet=True)


def judged(gan: MolGAN, draws: int, smiles: list[str]) -> dict[str, float]:
    """The columns, of so many draws; QED, SA and score are means over the distinct ones."""
    drawn = gan.sample(draws, seed=0)
    figures = evaluate(drawn, frozenset(smiles), ks=())
    frame = property_frame(drawn.distinct, ("qed", "sa"))
    scaffolds = {scaffold_of(chemistry.parse(text)) for text in drawn.distinct} - {""}
    return {
        "score": float(Scorer(SCORE)(drawn.distinct).mean()),
        "qed": float(frame["qed"].mean()),
        "sa": float(frame["sa"].mean()),
        "valid": figures["connected"].value,
        "unique": figures["unique"].value,
        "scaffolds": len(scaffolds),
    }


def draw(rows: dict[str, dict[str, float]], file: Path) -> None:
    """Mean QED against uniqueness."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axis = figure.subplots()
    for name, row in rows.items():
        axis.plot(row["unique"], row["qed"], "o", label=name)
    axis.plot(MOLGAN[1], MOLGAN[0], "x", color="grey", label="MolGAN, as published")
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    axis.set(xlabel="unique of 10,000 draws", ylabel="mean QED of the distinct ones", xlim=(0, 1.05))
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="qm9", help="a trained model of recipe autoregressive")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--out", type=Path, default=Path("runs/steering"))
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    smiles = [text for text in as_rows(embedded()) if text]
    steps, draws, overrides = arguments.steps, DRAWS, []
    if arguments.short:
        smiles, steps, draws, overrides = smiles[::2000], 1, 20, ["batch=8"]
    rows: dict[str, dict[str, float]] = {}
    for name in (AS_IT_IS, *arguments.rows):
        path = arguments.out / f"{name.replace(' ', '-').replace(',', '')}.json"
        if not path.exists():
            begun = time.process_time()
            gan = MolGAN.load(arguments.model)
            if name in ROWS:
                gan = tuned(arguments.model, steps, ROWS[name], smiles, *overrides)
            write_text(path, json.dumps({"seconds": time.process_time() - begun} | judged(gan, draws, smiles)))
        rows[name] = json.loads(path.read_text())
    columns = ("score", "qed", "sa", "valid", "unique", "scaffolds", "seconds")
    print("| row | " + " | ".join(columns) + " |\n" + "|---" * (len(columns) + 1) + "|")
    for name, row in rows.items():
        cells = (f"{row[column]:.0f}" if row[column] >= 100 else f"{row[column]:.3f}" for column in columns)
        print(f"| {name} | " + " | ".join(cells) + " |")
    draw(rows, arguments.out / "tradeoff.png")


if __name__ == "__main__":
    main()
