"""The published synthetic oracle, one table: `python -m benchmarks.oracle --oracle seqgan_oracle.npz`.

Every row of every seed is trained once and kept in --out as JSON; a second call goes on where the first was stopped,
and prints the table of what is there. --schedule paper is the published one (hours on a CPU), budget the same sizes
with fewer steps of the critic and fewer rounds, short a check in seconds on a small random oracle.
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from gancore import checkpoint
from gancore.device import derive_seed, seed_everything
from gancore.loop import play
from seqgan.config import Config, CriticConfig, GeneratorConfig, LikelihoodConfig, PolicyConfig
from seqgan.data import Corpus
from seqgan.decoding import sample
from seqgan.generator import Generator
from seqgan.metrics.divergence import divergence
from seqgan.oracle import lstm_oracle, published_oracle
from seqgan.recipes import RECIPES


@dataclass(frozen=True)
class Schedule:
    """What differs between the schedules; the networks' sizes never do."""

    sequences: int = 10_000  # of each: to train on, to judge by, generated
    valid: int = 1_000
    epochs: int = 120
    rounds: int = 200
    critic_pretrain: int = 23_450  # 50 x 3 passes over 10,000 real and 10,000 generated sequences, 64 of each a step
    critic_steps: int = 2_345  # 5 x 3 passes
    pool: int = 10_000


SCHEDULES = {
    "paper": Schedule(),
    "budget": Schedule(rounds=75, critic_pretrain=1_500, critic_steps=40, pool=2_560),
    "short": Schedule(sequences=256, valid=64, epochs=3, rounds=2, critic_pretrain=4, critic_steps=2, pool=64),
}

PAPER = GeneratorConfig("lstm", embedding=32, width=32)
_LIKELIHOOD = LikelihoodConfig(batch=64, lr=1e-2, patience=0)


class Bench:
    """One seed: its data, the rows that were made, and how to make the others."""

    def __init__(self, oracle: Generator, schedule: Schedule, seed: int, out: Path):
        self.oracle, self.schedule, self.seed, self.out = oracle, schedule, seed, out
        random = torch.Generator().manual_seed(derive_seed(seed, "oracle data"))
        count = schedule.sequences
        drawn = sample(oracle, 2 * count + schedule.valid, 20, random)
        self.test = drawn[count : 2 * count]
        self.corpus = Corpus(oracle.alphabet, drawn[:count], drawn[2 * count :], drawn[:0])

    def train(self, config: Config, start: Generator | None = None):
        """Play a recipe to its end, from the weights of `start` if given; gives the recipe's object and CPU seconds."""
        before = time.process_time()
        seed_everything(config.seed)
        recipe = RECIPES[config.recipe](config, self.oracle.alphabet, 20, torch.device("cpu"))
        if start is not None:
            recipe.generator.load_state_dict(start.state_dict())
        for phase in recipe.phases(self.corpus):
            phase.enter()
            phase.set_rates(phase.steps.start)
            rates = [lambda step, logs, phase=phase: phase.set_rates(step + 1)]
            play(phase.players, phase.batches, phase.steps, [*phase.callbacks, *rates, _Trace(phase, self)])
        return recipe.averaged.average, time.process_time() - before

    def judge(self, generator: Generator, temperature: float = 1.0) -> dict[str, float]:
        """The columns of the table."""
        figures = divergence(self.oracle, generator, self.test, len(self.test), temperature, self.seed)
        return figures._asdict()

    # Rows: name -> figures, with "seconds" for what they cost, pre-training included ------------------

    def base(self, **changes) -> Config:
        likelihood = replace(_LIKELIHOOD, epochs=self.schedule.epochs)
        return replace(Config(recipe="mle", model=PAPER, likelihood=likelihood, seed=self.seed), **changes)

    def published_mle(self) -> Generator:
        """Maximum likelihood as published; trained once, kept as a file."""
        return self.kept("mle", self.base())

    def kept(self, name: str, config: Config) -> Generator:
        """The generator of a likelihood run, trained or read back; its seconds are in `self.costs`."""
        folder = self.out / f"{name}-{self.seed}"
        if not checkpoint.exists(folder):
            generator, seconds = self.train(config)
            checkpoint.save(folder, checkpoint.pack({"generator": generator}, {}), {"seconds": seconds})
        tensors, values = checkpoint.load(folder)
        generator = Generator(self.oracle.alphabet, config.model, 20)
        checkpoint.unpack(tensors, {"generator": generator}, {})
        self.costs = {name: values["seconds"]}
        return generator.eval()

    def adversarial(self, policy: PolicyConfig) -> Config:
        """SeqGAN's own settings, on top of a generator that was trained before."""
        schedule = self.schedule
        critic = CriticConfig(
            bf16=True, pretrain=schedule.critic_pretrain, steps=schedule.critic_steps, pool=schedule.pool, reuse=3
        )
        return self.base(
            recipe="seqgan",
            likelihood=replace(_LIKELIHOOD, epochs=0),
            steps=schedule.rounds,
            lr=1e-2,
            critic=critic,
            policy=policy,
        )

    def row_mle(self) -> dict[str, float]:
        generator = self.published_mle()
        return self.judge(generator) | {"seconds": self.costs["mle"]}

    def row_constant(self) -> dict[str, float]:
        return self._reinforced(PolicyConfig("constant", baseline="none"))

    def row_seqgan(self) -> dict[str, float]:
        return self._reinforced(PolicyConfig("rollout", rollouts=16, update_rate=0.8, baseline="none"))

    def _reinforced(self, policy: PolicyConfig) -> dict[str, float]:
        generator, seconds = self.train(self.adversarial(policy), self.published_mle())
        return self.judge(generator) | {"seconds": seconds + self.costs["mle"]}


class _Trace:
    """Prints how the run goes, ten times a phase."""

    def __init__(self, phase, bench: Bench):
        self.phase, self.bench = phase, bench

    def __call__(self, step: int, logs: dict[str, float]) -> None:
        done = step + 1 - self.phase.steps.start
        if done % max(1, len(self.phase.steps) // 15) == 0:
            figures = ""
            if self.phase.name == "adversarial":
                own = divergence(self.bench.oracle, self.phase.players[0].module, self.bench.test[:1000], 1000)
                figures = " ".join(f"{name} {value:.3f}" for name, value in own._asdict().items())
            shown = " ".join(f"{name} {value:.3f}" for name, value in logs.items())
            print(f"seed {self.bench.seed} {self.phase.name} {done}: {shown} {figures}", flush=True)


ROWS = {"mle": Bench.row_mle, "constant reward": Bench.row_constant, "seqgan": Bench.row_seqgan}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--oracle", type=Path, help="the published parameters, an .npz; without it a random oracle")
    parser.add_argument("--schedule", choices=SCHEDULES, default="budget")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--out", type=Path, default=Path("runs/oracle"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    oracle = published_oracle(arguments.oracle) if arguments.oracle else lstm_oracle(0, vocabulary=200)
    for seed in arguments.seeds:
        bench = Bench(oracle, SCHEDULES[arguments.schedule], seed, arguments.out)
        for name in arguments.rows:
            path = arguments.out / f"{name.replace(' ', '-')}-{seed}.json"
            if not path.exists():
                checkpoint.write_text(path, json.dumps(ROWS[name](bench)))
    print(table(arguments.out))


def table(out: Path) -> str:
    """Mean over the seeds, with the standard deviation of the two divergences."""
    columns = ("nll_oracle", "nll_gen", "nll_div", "reverse_kl", "forward_kl", "seconds")
    lines = ["| row | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for name in ROWS:
        runs = [json.loads(path.read_text()) for path in sorted(out.glob(f"{name.replace(' ', '-')}-[0-9].json"))]
        if runs:
            cells = [_cell([run[column] for run in runs], column) for column in columns]
            lines.append(f"| {name} | {len(runs)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: list[float], column: str) -> str:
    if column == "seconds":
        return f"{statistics.mean(values):.0f}"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


if __name__ == "__main__":
    main()
