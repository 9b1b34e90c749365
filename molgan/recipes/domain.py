"""The domain of molecules: how rows are read, samples written and runs monitored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from rich.console import Console

from gancore.errors import ConfigError, DataError
from gancore.facade.condition_values import ConditionSource, Spec, read_conditions
from gancore.facade.domain import RESPONSIBLE_MOLECULES, Card, Reading
from gancore.facade.examples import Examples, picked_rows
from gancore.facade.labels import LabelFile
from gancore.facade.model import Model
from gancore.facade.recipe import refuse_sizes, refuse_without
from gancore.io.import_object import load as load_object
from gancore.io.inputs import called
from gancore.io.rejected_rows import summarise, tell_rejected
from gancore.rewards.shaping import RewardShaping
from gancore.types import Reward, Sample
from molgan import chemistry
from molgan.data import graphs
from molgan.data.dataset import MoleculeDataset, as_dataset
from molgan.data.downloads import DATA
from molgan.data.space import GraphSpace
from molgan.library.plots import grid_pixels
from molgan.metrics.monitor import monitor_metrics
from molgan.recipes import RECIPES
from molgan.recipes.config import Config
from molgan.recipes.reward_shaping import refuse_reward, reward_shaping
from molgan.scoring.properties import PROPERTIES
from molgan.scoring.scorer import Scorer, property_frame

_MONITORED = 500  # molecules that the monitor looks at
_SHOWN_MOLECULES = 24
_CARD = Card(
    "Molecule generator",
    "Proposing molecules like those it was trained on: candidate libraries to be scored, filtered and looked at by a "
    "chemist, and research on generators.",
    "A generated molecule is a proposal: nothing here says that it can be made, is stable, safe, or does what a score "
    "hopes. Samples may be training molecules. Sizes and atom types are those of the training data.",
    RESPONSIBLE_MOLECULES,
)


class Molecules:
    """The domain of molecules: SMILES in, graphs in between, SMILES out."""

    half = "molgan"
    config_class = Config
    recipes = RECIPES
    aside = "held_out.smi"
    versions = ("discretegan", "torch", "rdkit", "numpy")
    labels: Mapping[str, str] = {
        "autoencoder/reconstruction": "reconstruction",
        "critic/adversarial": "critic",
        "critic/penalty": "penalty",
        "generator/score": "score",
        "sample/connected": "connected",
        "sample/unique": "unique",
        "sample/recall": "recall",
    }

    def read(
        self, source: Any, config: Any, start: Model | None, condition: Sequence[Spec], kept: LabelFile
    ) -> Reading:
        """Distinct molecules that a graph can hold, and the properties that are conditions."""
        vocabulary = start.recipe.space.vocabulary if start is not None else None
        source = DATA.files(source)
        names = [spec.name for spec in condition] or (start.conditions.names if start and start.conditions else ())
        data = as_dataset(source, vocabulary=vocabulary, seed=config.seed, columns=names, **config.data.limits)
        if vocabulary is not None and data.vocabulary != vocabulary:
            raise ConfigError("start: the data set was made for another vocabulary of atoms; give SMILES or a file.")
        aside: list[str] = []
        if len(data) < 2:
            reasons = ", ".join(f"{count:,} x {reason}" for reason, count in summarise(data.rejected)[:3])
            raise DataError(
                f"{called(source, 'SMILES')}: holds one usable molecule, and a generator needs at least two"
                f"{f' ({reasons})' if reasons else ''}."
            )
        if data is not source:
            data, aside = data.split(config.data.hold_out, config.seed)
        labelled = read_conditions(condition, _rows(data, kept), start.conditions if start is not None else None)
        if labelled is not None:
            data = data.with_context(labelled.context)
        rows = len(data) + len(aside) + len(data.rejected)
        conditions, labeller = (labelled.conditions, labelled.labeller) if labelled is not None else (None, None)
        return Reading(data, aside, data.rejected, rows, conditions, labeller)

    def tell(self, reading: Reading, console: Console) -> None:
        """How many molecules, of which atoms, of what size; the rows left out."""
        data = reading.data
        atoms = " ".join(str(atom) for atom in data.vocabulary.atoms)
        console.print(
            f"{len(data):,} molecules, {atoms}, up to {data.vocabulary.max_atoms} heavy atoms; "
            f"{len(data.rejected):,} rows left out",
            markup=False,
            highlight=False,
        )
        tell_rejected(data.rejected, console)

    def space(
        self, data: MoleculeDataset, start: Model | None, config: Any, groups: tuple[int, ...] = ()
    ) -> GraphSpace:
        """The vocabulary and sizes of the data; the sizes of the start where its generator stays as it is."""
        examples = Examples.of(data.context, groups, config.seed, data.sizes) if data.context is not None else None
        if start is not None and getattr(config.critic, "rings_only", False):
            return replace(start.recipe.space, examples=examples)
        sizes = torch.bincount(data.sizes, minlength=data.vocabulary.max_atoms + 1)
        exemplars = None
        if getattr(config.model, "prior", "normal") == "exemplars":
            if config.model.all_exemplars and data.context is not None:
                raise ConfigError("model.all_exemplars keeps no conditions of its molecules: leave it out, or these.")
            picked = slice(None) if config.model.all_exemplars else picked_rows(len(data), config.seed)
            exemplars = data.atoms[picked].to(torch.int8), data.orders[picked].to(torch.int8)
        return GraphSpace(data.vocabulary, sizes, exemplars, examples=examples)

    def restore_space(self, stored: Any) -> GraphSpace:
        """Back from a stored model."""
        return GraphSpace.restore(stored.part("sizes", "examples", "exemplars"), stored.values)

    def counts(self, reading: Reading) -> dict[str, Any]:
        """The data's sha256, molecules, rows left out."""
        return {"sha256": reading.data.digest, "molecules": len(reading.data), "rejected": len(reading.data.rejected)}

    def reward(self, config: Any, own: Reward | None, kind: Any) -> RewardShaping | None:
        """The configuration's score, or somebody's reward."""
        if own is not None:
            refuse_without(kind, "reward", "reward")
        refuse_reward(config.reward, own)
        return reward_shaping(config.reward, own)

    def start_weights(self, recipe: Any, start: Model) -> dict[str, dict[str, Any]]:
        """Every module's weights; samples that still waited for their scores are not taken over."""
        own, theirs = recipe.config.model, start.config.model
        if getattr(theirs, "ring_fingerprint", 1) == 0:  # a critic that knows no rings can learn of them
            own = replace(own, ring_fingerprint=0)
        if hasattr(own, "dropout"):  # no size
            own, theirs = replace(own, dropout=0.0), replace(theirs, dropout=0.0)
        if own != theirs:
            refuse_sizes(own, theirs)
        kinds = [getattr(config.critic, "conditioning", "") for config in (recipe.config, start.config)]
        if recipe.space.groups and start.recipe.space.groups and kinds[0] != kinds[1]:
            raise ConfigError(f"start: its critic.conditioning is {kinds[1]}; leave out the setting {kinds[0]}.")
        _refuse_other_critic(recipe.config.critic, start.config.critic, "critic")
        if getattr(own, "prior", "") == "gan":
            _refuse_other_critic(recipe.config.latent.critic, start.config.latent.critic, "latent.critic")
        return {name: module.state_dict() for name, module in start.recipe.modules.items() if name != "late"}

    def encode(self, strings: Sequence[str | None], space: GraphSpace) -> tuple[Sample, list[int]]:
        """Graphs of those strings that the vocabulary holds, as one-hots."""
        read = [chemistry.graph_or_reason(text, space.vocabulary.max_atoms, chemistry.Policy()) for text in strings]
        rows = [row for row, one in enumerate(read) if not isinstance(one, str) and not space.vocabulary.lacks(one)]
        atoms, orders = map(torch.from_numpy, chemistry.encode([read[row] for row in rows], space.vocabulary))  # pyright: ignore
        return graphs.one_hots(atoms, orders, len(space.vocabulary.atoms)), rows

    def sizes(self, sample: Sample, space: GraphSpace) -> torch.Tensor:
        """Heavy atoms of each graph `(batch,)`."""
        return graphs.node_mask(sample[0]).sum(1)

    def refusal(self, text: str | None, space: GraphSpace) -> str:
        """Why a string is no graph of the vocabulary; "" where it is."""
        read = chemistry.graph_or_reason(text, space.vocabulary.max_atoms, chemistry.Policy())
        return read if isinstance(read, str) else space.vocabulary.lacks(read)

    def decode(self, samples: tuple[torch.Tensor, torch.Tensor], space: GraphSpace) -> Iterator[str | None]:
        """Canonical SMILES; None where RDKit refuses, or there is more than one fragment."""
        atoms, orders = (part.cpu().numpy() for part in samples)
        yield from map(chemistry.strict_smiles, chemistry.decode(atoms, orders, space.vocabulary))

    def monitor(self, model: Model, data: MoleculeDataset) -> Callable[[int, dict[str, float]], None]:
        """What raw samples of the averaged generator are worth."""
        known = frozenset(data.smiles)
        picked = np.random.default_rng(0).permutation(len(data))[:_MONITORED]
        reference = torch.from_numpy(chemistry.fingerprints([data.smiles[row] for row in picked]))

        def look(step: int, logs: dict[str, float]) -> None:
            if (step + 1) % model.config.monitor_every == 0:
                smiles = model.sample(_MONITORED, seed=0, raw=True)  # type: ignore[attr-defined]
                metrics = monitor_metrics(smiles, known, reference)
                logs.update({f"sample/{name}": value for name, value in metrics.items()})

        return look

    def show(self, model: Model) -> dict[str, Any]:
        """A few molecules for TensorBoard."""
        valid = [text for text in model.sample(_SHOWN_MOLECULES, seed=0) if text]  # type: ignore[attr-defined]
        return {"sample/molecules": grid_pixels(valid, [""] * len(valid))}

    def card(self, model: Model) -> Card:
        """What it is for, and its limits."""
        exemplars = model.recipe.space.exemplars
        if exemplars is None:
            return _CARD
        return _CARD._replace(limits=f"{_CARD.limits} The file holds {len(exemplars[0]):,} of its training molecules.")


def _refuse_other_critic(critic: Any, start: Any, table: str) -> None:
    """Raise ConfigError where weights of the critic of a start would not fit."""
    for name in ("spectral_norm", "pack", "minibatch_kernels", "critics", "equilibrium"):
        own, theirs = (getattr(settings, name, 0) for settings in (critic, start))
        if own != theirs and (name != "equilibrium" or not own or not theirs):
            advice = "set it so too" if name == "equilibrium" and theirs else "leave out the setting"
            raise ConfigError(f"start: its {table}.{name} is {str(theirs).lower()}; {advice}.")


def _rows(data: MoleculeDataset, kept: LabelFile) -> ConditionSource:
    """What conditions of molecules are read from: columns, properties, scores and functions."""

    def compute(smiles: Sequence[str], names: Sequence[str]) -> Mapping[str, Sequence[float]]:
        frame = property_frame(smiles, names)
        return {name: frame[name].tolist() for name in names}

    def load(name: str) -> Callable[[Sequence[str]], Any]:
        return Scorer(name) if name.endswith(".toml") or ":" not in name else load_object("condition", name)

    return ConditionSource(data.smiles, data.columns, load, PROPERTIES, compute, kept)


def build(config: Any, data: MoleculeDataset, device: torch.device, reward: Reward | None = None) -> tuple[Any, list]:
    """A recipe and its phases on `data`, outside a run: what a test or a benchmark plays by itself."""
    domain = Molecules()
    kind = RECIPES[config.recipe]
    recipe = kind(config, domain.space(data, None, config), device)
    recipe.shaping = domain.reward(config, reward, kind)
    return recipe, recipe.phases(data)
