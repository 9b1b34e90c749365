"""Members of the GAN family at equal CPU time.

`python -m benchmarks.family --seconds 120 --seeds 0 1 2 --out runs/family`

Every objective, penalty, constraint and stabiliser of `molgan family` that both halves have, with the settings that are
listed there (gancore/facade/family.toml). Before the game each seed trains one generator, which all rows of the seed
begin from. Each row then gets the same CPU seconds of game. Its steps are those seconds over the time of a step, which
is measured first; the table has the seconds that they took.

molecules: the one-shot generator on QM9, one in ten held out. FCD of 5,000 samples to 5,000 held-out molecules, and
unique of 10,000 samples. `reward.critic` is 0, so that the objective's own gradient moves the generator. The evidence
bound is kept, as in the configuration.
text: recipe gumbel on the embedded grammar. The share of 10,000 samples in the grammar, and unique.

A row that is in --out already is not made anew. The default options take at least five CPU hours on one thread.
"""

import argparse
import copy
import json
import statistics
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gancore.errors import DivergedError
from gancore.facade.family import Member, members
from gancore.io.atomic_write import write_text
from gancore.statistics.frechet import frechet, moments
from gancore.training.device import new_generator, seed_everything
from gancore.training.loop import play
from gancore.training.run import Phase
from molgan import Config as MoleculeConfig
from molgan.data.dataset import MoleculeDataset, as_rows, embedded
from molgan.metrics import chemnet
from molgan.recipes.domain import Molecules, build
from seqgan import Config as TextConfig
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus, english
from seqgan.data.space import TextSpace
from seqgan.recipes import RECIPES

CPU = torch.device("cpu")
BEFORE = "before the game"
COMPARED = {
    member.name: member
    for member in members()
    if member.kind in ("objective", "bound", "training") and len(member.choices) == 2
}
DRAWS, FCD_DRAWS, TIMED = 10_000, 5000, 40  # samples; of these for the FCD; steps that a step's time is measured of

Row = dict[str, float]


class Bench(ABC):
    """One half and one seed: its data, the generator that all rows begin from, and how samples are judged."""

    half: str
    figures: tuple[str, ...]
    short_settings: tuple[str, ...]

    def __init__(self, seed: int, short: bool):
        self.seed, self.short = seed, short

    @abstractmethod
    def config(self, member: Member | None, steps: int) -> Any:
        """The configuration of a member, or of none."""

    @abstractmethod
    def build(self, config: Any) -> tuple[Any, list[Phase]]:
        """A recipe and its phases."""

    @abstractmethod
    def judge(self, recipe: Any) -> Row:
        """What samples are worth."""

    def settings(self, member: Member | None, steps: int) -> tuple[str, list[str]]:
        """The bundled configuration and the settings on top of it."""
        choice = (member or COMPARED["GAN, non-saturating"]).choices[self.half]
        own = list(choice.settings) if member is not None else []
        short = list(self.short_settings) if self.short else []
        return choice.config, [*own, *short, f"steps={steps}", f"seed={self.seed}", "device=cpu"]

    @cached_property
    def start(self) -> dict[str, dict[str, torch.Tensor]]:
        """The state of what generates after the first phase."""
        seed_everything(self.seed)
        recipe, (first, *_) = self.build(self.config(None, 1))
        play(first.players, first.batches, first.steps, first.callbacks, self.seed)
        kept = ("generator", "encoder", "averaged", "best")
        return {name: copy.deepcopy(part.state_dict()) for name, part in recipe.modules.items() if name in kept}

    def begin(self, member: Member | None, steps: int) -> tuple[Any, list[Phase]]:
        """A recipe that has the start's weights, and the phases that follow."""
        start = self.start
        seed_everything(self.seed)
        recipe, (_, *rest) = self.build(self.config(member, steps))
        for name, state in start.items():
            recipe.modules[name].load_state_dict(state)
        return recipe, rest

    def play(self, phases: Sequence[Phase], most: int | None = None) -> list[float]:
        """Play phases, so many steps of each at most; gives the CPU seconds of each."""
        seconds = []
        for phase in phases:
            begun = time.process_time()
            phase.enter()
            play(phase.players, phase.batches, phase.steps[:most], phase.callbacks, self.seed)
            seconds.append(time.process_time() - begun)
        return seconds

    def steps_within(self, member: Member, budget: float) -> int:
        """How many steps of the game the CPU seconds are enough for, after the phases before it; at least one."""
        timed = 4 if self.short else TIMED
        _, phases = self.begin(member, timed)
        counts = [len(phase.steps[:timed]) for phase in phases]
        pace = [seconds / max(1, count) for seconds, count in zip(self.play(phases, timed), counts, strict=True)]
        before = sum(len(phase.steps) * each for phase, each in zip(phases[:-1], pace[:-1], strict=True))
        return max(1, int((budget - before) / pace[-1]))

    def row(self, member: Member | None, budget: float) -> Row:
        """The figures of a member after so many CPU seconds; of none, those of the start."""
        if member is None:
            recipe, _ = self.begin(None, 1)
            return {"steps": 0.0, "seconds": 0.0} | self.judge(recipe)
        steps = self.steps_within(member, budget)
        recipe, rest = self.begin(member, min(steps, 2) if self.short else steps)
        seconds = self.play(rest)
        return {"steps": float(len(rest[-1].steps)), "seconds": sum(seconds)} | self.judge(recipe)


class OfMolecules(Bench):
    """The one-shot generator on QM9."""

    half, figures = "molgan", ("FCD", "unique")
    short_settings = ("pretrain.steps=2", "model.generator=[16]", "model.critic=[16]", "model.encoder=[16]", "batch=8")

    def __init__(self, seed: int, short: bool):
        super().__init__(seed, short)
        smiles = [text for text in as_rows(embedded()) if text][:: 1000 if short else 1]
        self.data, held = MoleculeDataset.from_smiles(smiles, min_atom_share=0.005).split(0.1, seed)
        self.draws, self.fcd_draws = (20, 8) if short else (DRAWS, FCD_DRAWS)
        self.held = moments(chemnet.activations(held[: self.fcd_draws]))

    def config(self, member: Member | None, steps: int) -> Any:
        """One-shot, without the policy gradient on the critic's logit."""
        name, settings = self.settings(member, steps)
        return MoleculeConfig.load(name, [*settings, "reward.critic=0"])

    def build(self, config: Any) -> tuple[Any, list[Phase]]:
        """A recipe and its phases."""
        return build(config, self.data, CPU)

    def judge(self, recipe: Any) -> Row:
        """Fréchet ChemNet distance to held-out molecules, and the share of distinct ones among the valid."""
        drawn = recipe.sample(self.draws, new_generator(CPU, self.seed, "family"))
        valid = [text for text in Molecules().decode(drawn, recipe.space) if text]
        found = moments(chemnet.activations(valid[: self.fcd_draws]))
        return {"FCD": float(frechet(found, self.held)), "unique": len(set(valid)) / len(valid)}


class OfText(Bench):
    """Recipe gumbel on the embedded grammar."""

    half, figures = "seqgan", ("in the grammar", "unique")
    short_settings = (
        *("likelihood.epochs=1", "model.width=8", "model.embedding=8", "batch=8"),
        *("critic.pretrain=1", "critic.filters=0.02", "critic.embedding=4"),
    )

    def __init__(self, seed: int, short: bool):
        super().__init__(seed, short)
        self.grammar, self.lines = english(), corpus(60, seed) if short else corpus(seed=seed)
        self.draws = 20 if short else DRAWS

    def config(self, member: Member | None, steps: int) -> Any:
        """Recipe gumbel, as its bundled configuration has it."""
        name, settings = self.settings(member, steps)
        return TextConfig.load(name, settings)

    def build(self, config: Any) -> tuple[Any, list[Phase]]:
        """A recipe and its phases."""
        data = Corpus.of(self.lines, config.data)
        recipe = RECIPES[config.recipe](config, TextSpace(data.alphabet, data.length, data.vocabulary), CPU)
        return recipe, recipe.phases(data)

    def judge(self, recipe: Any) -> Row:
        """The share of the samples in the grammar, and that of distinct ones."""
        ids = recipe.sample(self.draws, new_generator(CPU, self.seed, "family"))
        texts = [recipe.space.vocabulary.decode(row) for row in ids.tolist()]
        return {"in the grammar": float(self.grammar.contains(texts).mean()), "unique": len(set(texts)) / len(texts)}


HALVES: dict[str, type[Bench]] = {"molecules": OfMolecules, "text": OfText}


def table(half: str, found: dict[str, list[Row]]) -> str:
    """Means over the seeds, with deviations where there are several; rows that diverged say how many did."""
    columns = ("steps", "seconds", *HALVES[half].figures)
    lines = [f"| {half} | seeds | {' | '.join(columns)} |", "|---" * (len(columns) + 2) + "|"]
    for name, rows in found.items():
        whole = [row for row in rows if "diverged" not in row]
        cells = [f"{len(rows)}" if len(whole) == len(rows) else f"{len(rows)}, {len(rows) - len(whole)} diverged"]
        for column in columns:
            values = [row[column] for row in whole]
            cells.append(told(values, 0 if column in ("steps", "seconds") else 3))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def told(values: Sequence[float], digits: int) -> str:
    """Mean and deviation of values, of one itself; nothing of none."""
    if not values:
        return ""
    spread = f" ± {statistics.pstdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--halves", nargs="+", choices=HALVES, default=list(HALVES))
    parser.add_argument("--members", nargs="+", choices=COMPARED, default=list(COMPARED))
    parser.add_argument("--seconds", type=float, default=120.0, help="CPU seconds of the game, the same for all")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/family"))
    parser.add_argument("--short", action="store_true", help="every row in seconds; the figures mean nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    asked, kept = json.dumps({"seconds": arguments.seconds, "short": arguments.short}), arguments.out / "asked"
    if kept.exists() and kept.read_text() != asked:
        parser.error(f"{arguments.out} holds rows of {kept.read_text()}: give another --out.")
    write_text(kept, asked)
    for half in arguments.halves:
        found: dict[str, list[Row]] = {name: [] for name in (BEFORE, *arguments.members)}
        for seed in arguments.seeds:
            bench: Bench | None = None
            for name, rows in found.items():
                place = arguments.out / f"{half}-{seed}-{''.join(c if c.isalnum() else '-' for c in name)}.json"
                if not place.exists():
                    bench = bench or HALVES[half](seed, arguments.short)
                    try:
                        row = bench.row(COMPARED.get(name), arguments.seconds)
                    except DivergedError as error:
                        row = {"diverged": 1.0}
                        print(f"{half}, seed {seed}, {name}: {error}", flush=True)
                    write_text(place, json.dumps(row))
                rows.append(json.loads(place.read_text()))
                print(half, seed, name, {key: round(value, 4) for key, value in rows[-1].items()}, flush=True)
        print(table(half, found), flush=True)


if __name__ == "__main__":
    main()
