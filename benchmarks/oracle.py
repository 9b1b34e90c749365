"""The published synthetic oracle, one table: `python -m benchmarks.oracle --oracle seqgan_oracle.npz`.

Every row of every seed is trained once and kept in --out as JSON; a second call goes on where the first was stopped,
and prints the table of what is there. --schedule paper is the published one (hours on a CPU), budget the same sizes
with fewer steps of the critic and fewer rounds, short a check in seconds on a small random oracle.
"""

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gancore.io.atomic_write import write_text
from gancore.runs import checkpoint
from gancore.training.device import computes_bfloat16, derive_seed, seed_everything
from gancore.training.loop import Callback, play
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.metrics.divergence import divergence
from seqgan.metrics.oracle import lstm_oracle, published_oracle
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.decoding import sample
from seqgan.networks.generator import Generator, Mixture
from seqgan.recipes import RECIPES
from seqgan.recipes.config import Config, LikelihoodConfig
from seqgan.recipes.gumbel import GumbelCriticConfig
from seqgan.recipes.reinforce import PolicyConfig
from seqgan.recipes.residual import MixtureConfig

PUBLISHED = Config.load("oracle")  # SeqGAN's own sizes and schedule


@dataclass(frozen=True)
class Schedule:
    """What differs between the schedules; the networks' sizes never do."""

    sequences: int = 10_000  # of each: to train on, to judge by, generated
    valid: int = 1_000
    published: Config = PUBLISHED

    @classmethod
    def of(cls, *overrides: str, sequences: int = 10_000, valid: int = 1_000) -> "Schedule":
        """The published one with some settings overridden."""
        return cls(sequences, valid, Config.load("oracle", overrides))


SCHEDULES = {
    "paper": Schedule(),
    "budget": Schedule.of("steps=75", "critic.pretrain=1500", "critic.steps=40", "critic.pool=2560"),
    "short": Schedule.of(
        *("likelihood.epochs=2", "steps=1", "batch=32", "policy.rollouts=2"),
        *("critic.pretrain=2", "critic.steps=1", "critic.pool=64", "critic.filters=0.1"),
        sequences=128,
        valid=32,
    ),
}

# The best likelihood model we found: wider, with much dropout, stopped at its best validation likelihood.
WIDE = GeneratorConfig("lstm", embedding=64, width=64, embedding_dropout=0.4, dropout=0.6)
TEMPERATURES = (0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
_STOPPED = LikelihoodConfig(epochs=60, batch=64, lr=3e-3, patience=2)


Row = dict[str, Any]
"""The columns of a row; `sweep` holds them by temperature."""


class Bench:
    """One seed: its data, the rows that were made, and how to make the others."""

    def __init__(self, oracle: Generator, schedule: Schedule, seed: int, out: Path):
        self.oracle, self.schedule, self.seed, self.out = oracle, schedule, seed, out
        random = torch.Generator().manual_seed(derive_seed(seed, "oracle data"))
        count = schedule.sequences
        drawn = sample(oracle, 2 * count + schedule.valid, 20, random)
        self.test = drawn[count : 2 * count]
        self.corpus = Corpus(oracle.alphabet, drawn[:count], drawn[2 * count :], drawn[:0])

    def train(
        self,
        config: Config,
        start: Generator | None = None,
        members: Sequence[Generator] = (),
        further: Sequence[Callback] = (),
    ) -> tuple[Generator, float]:
        """Play a recipe to its end; gives its generator and CPU seconds.

        start: whose weights it begins from. members: of recipe residual, trained already. further: callbacks of all
        phases, which may end one.
        """
        before = time.process_time()
        seed_everything(config.seed)
        recipe = RECIPES[config.recipe](config, TextSpace(self.oracle.alphabet, 20), torch.device("cpu"))
        if start is not None:
            recipe.generator.load_state_dict(start.state_dict())
        trained = {f"member{number}": member for number, member in enumerate(members)}
        for phase in recipe.phases(self.corpus):
            if phase.name in trained:
                recipe.models[phase.name].averaged.average.load_state_dict(trained[phase.name].state_dict())
                continue
            phase.enter()
            play(phase.players, phase.batches, phase.steps, [*phase.callbacks, _Trace(phase, self), *further])
        return recipe.averaged.average, time.process_time() - before

    def judge(self, generator: Generator | Mixture, temperature: float = 1.0) -> dict[str, float]:
        """The columns of the table."""
        figures = divergence(self.oracle, generator, self.test, len(self.test), temperature, self.seed)
        return figures._asdict()

    # What rows are made of ------------------------------------------------------------------------

    def base(self, **changes: Any) -> Any:
        """The schedule's configuration with some settings changed."""
        recipe = changes.pop("recipe", "seqgan")
        return self.schedule.published.as_recipe(recipe, seed=self.seed, device="cpu", **changes)

    @property
    def epochs(self) -> int:
        """Most passes over the data that the schedule allows."""
        return self.schedule.published.likelihood.epochs

    def kept(self, name: str, config: Config) -> tuple[Generator, float]:
        """A generator and what it cost, trained or read back."""
        folder = self.out / f"{name}-{self.seed}"
        if not checkpoint.exists(folder):
            generator, seconds = self.train(config)
            checkpoint.save(folder, checkpoint.pack({"generator": generator}, {}), {"seconds": seconds})
        stored = checkpoint.read(folder)
        generator = Generator(self.oracle.alphabet, config.model, 20)
        checkpoint.unpack(stored.tensors(), {"generator": generator}, {})
        return generator.eval(), stored.values["seconds"]

    def published(self) -> tuple[Generator, float]:
        """Maximum likelihood as published."""
        return self.kept("mle", self.base(recipe="mle"))

    def wide(self, number: int = 0) -> tuple[Generator, float]:
        """The best likelihood model; other numbers are other initialisations."""
        likelihood = replace(_STOPPED, epochs=min(_STOPPED.epochs, self.epochs))
        config = replace(self.base(recipe="mle", model=WIDE, likelihood=likelihood), seed=self.seed + 1000 * number)
        return self.kept(f"wide{number}", config)

    def reinforced(self, policy: PolicyConfig) -> Row:
        """SeqGAN's own settings, on the published likelihood model; the critic in bfloat16 where that is fast."""
        start, before = self.published()
        published = self.schedule.published
        config = self.base(
            likelihood=replace(published.likelihood, epochs=0),
            critic=replace(published.critic, bf16=computes_bfloat16(torch.device("cpu"))),
            policy=policy,
        )
        generator, seconds = self.train(config, start)
        return self.judge(generator) | {"seconds": seconds + before}

    def distilled(self, critic: bool) -> Row:
        """Recipe residual on the first two of the best likelihood models; the cost is theirs too."""
        members, costs = zip(*(self.wide(number) for number in range(2)), strict=True)
        likelihood = replace(_STOPPED, epochs=min(_STOPPED.epochs, self.epochs))
        steps = 4 * self.schedule.sequences // 64
        residual = MixtureConfig(members=2, critic=critic, calibration=min(4000, self.schedule.sequences))
        config = self.base(
            recipe="residual", model=WIDE, likelihood=likelihood, residual=residual, steps=steps, lr=1e-3, batch=64
        )
        generator, seconds = self.train(config, members=members)
        sweep = {f"{t:g}": self.judge(generator, t) for t in TEMPERATURES[:3]}
        return self.judge(generator) | {"seconds": seconds + sum(costs), "sweep": sweep}

    # Rows -----------------------------------------------------------------------------------------

    def row_mle(self) -> Row:
        generator, seconds = self.published()
        return self.judge(generator) | {"seconds": seconds}

    def row_stopped(self) -> Row:
        stopped = replace(self.schedule.published.likelihood, epochs=min(20, self.epochs), patience=2)
        generator, seconds = self.kept("stopped", self.base(recipe="mle", likelihood=stopped))
        return self.judge(generator) | {"seconds": seconds}

    def row_wide(self) -> Row:
        generator, seconds = self.wide()
        sweep = {f"{t:g}": self.judge(generator, t) for t in TEMPERATURES}
        return self.judge(generator) | {"seconds": seconds, "sweep": sweep}

    def row_mixture(self) -> Row:
        members, seconds = zip(*(self.wide(number) for number in range(3)), strict=True)
        mixture = Mixture(members)
        sweep = {f"{t:g}": self.judge(mixture, t) for t in TEMPERATURES[:3]}
        return self.judge(mixture) | {"seconds": sum(seconds), "sweep": sweep}

    def row_gumbel(self) -> Row:
        """RelGAN's critic and game on a generator of the published sizes, cut to the budget."""
        start, before = self.published()
        critic = GumbelCriticConfig(
            "multi",
            representations=8,
            embedding=64,
            objective="relativistic_pairing",
            filters=self.schedule.published.critic.filters,
            pretrain=self.schedule.published.steps,
            steps=1,
        )
        config = self.base(
            recipe="gumbel",
            likelihood=replace(self.schedule.published.likelihood, epochs=0),
            steps=10 * self.schedule.published.steps,
            lr=1e-4,
            critic=critic,
        )
        generator, seconds = self.train(config, start)
        return self.judge(generator) | {"seconds": seconds + before}


class _Trace:
    """Prints how the run goes, about fifteen times a phase."""

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


ROWS: dict[str, Callable[[Bench], Row]] = {
    "mle": Bench.row_mle,
    "mle stopped": Bench.row_stopped,
    "mle wide stopped": Bench.row_wide,
    "mixture of 3": Bench.row_mixture,
    "mixture of 2 distilled": lambda bench: bench.distilled(critic=False),
    "constant reward": lambda bench: bench.reinforced(replace(bench.schedule.published.policy, reward="constant")),
    "seqgan": lambda bench: bench.reinforced(bench.schedule.published.policy),
    "gumbel": Bench.row_gumbel,
    "residual": lambda bench: bench.distilled(critic=True),
}


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
    digest = hashlib.sha256(arguments.oracle.read_bytes()).hexdigest() if arguments.oracle else "random"
    asked = json.dumps({"schedule": arguments.schedule, "oracle": digest})
    told = arguments.out / "asked"
    if told.exists() and told.read_text() != asked:
        parser.error(f"{arguments.out} holds rows of {told.read_text()}: give another --out.")
    told.write_text(asked)
    oracle = published_oracle(arguments.oracle) if arguments.oracle else lstm_oracle(0, vocabulary=200)
    for seed in arguments.seeds:
        bench = Bench(oracle, SCHEDULES[arguments.schedule], seed, arguments.out)
        for name in arguments.rows:
            path = arguments.out / f"{_slug(name)}-{seed}.json"
            if not path.exists():
                write_text(path, json.dumps(ROWS[name](bench)))
    print(table(arguments.out))


def table(out: Path) -> str:
    """Mean over the seeds, with the standard deviation of the two divergences."""
    columns = ("nll_oracle", "nll_gen", "nll_div", "reverse_kl", "forward_kl", "seconds")
    lines = ["| row | seeds | " + " | ".join(columns) + " |", "|---" * (len(columns) + 2) + "|"]
    for name in ROWS:
        runs = [json.loads(path.read_text()) for path in sorted(out.glob(f"{_slug(name)}-[0-9]*.json"))]
        if not runs:
            continue
        swept = {
            f"{name}, τ={t}": [run["sweep"][t] | {"seconds": None} for run in runs] for t in runs[0].get("sweep", {})
        }
        for title, figures in ({name: runs} | swept).items():
            lines.append(f"| {title} | {len(figures)} | " + " | ".join(cells(figures, columns)) + " |")
    return "\n".join(lines)


def cells(runs: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The mean of each column over the seeds, with its standard deviation where there are several."""
    return [_cell([run[column] for run in runs], column) for column in columns]


def _slug(name: str) -> str:
    return name.replace(" ", "-")


def _cell(values: list[float], column: str) -> str:
    if column == "seconds":
        return "" if values[0] is None else f"{statistics.mean(values):.0f}"
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


if __name__ == "__main__":
    main()
