"""A likelihood model that learns from the scores of a search, and draws candidates for it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor

from gancore.errors import RunError
from gancore.facade.model import Model
from gancore.facade.tuning import TunedModel
from gancore.losses.off_policy import augmented_likelihood, kl_to_prior, trajectory_balance
from gancore.losses.policy_gradient import policy_gradient
from gancore.training.device import derive_seed
from molgan.optimize.ranked import Ranked, rank_weights
from molgan.optimize.settings import LearnerConfig

CHECKPOINT = "learner"
"""The folder, in that of a search, with the state of the model."""


class _Scored(NamedTuple):
    """What a loss is made of: log-probabilities of both models in nats, and rewards in [0, 1], each `(molecule,)`."""

    log_prob: Tensor
    prior: Tensor
    reward: Tensor
    log_partition: Tensor


LOSSES: dict[str, Callable[[_Scored, float], Tensor]] = {
    "augmented_likelihood": lambda of, strength: (
        augmented_likelihood(of.log_prob, of.prior, of.reward, strength) / max(strength, 1)
    ),
    "trajectory_balance": lambda of, strength: (
        trajectory_balance(of.log_prob, of.prior + strength * of.reward, of.log_partition) / max(strength, 1)
    ),
    "reinforce": lambda of, strength: policy_gradient(of.log_prob, of.reward - of.reward.mean()) * strength,
}
"""The losses by name; a strength weighs a score. Trajectory balance aims at prior times e^(strength * score)."""


class Learner:
    """Draws candidates, and learns once for each batch that is asked for.

    model: of strings or graphs. seed: of everything random. folder: of the search, for checkpoints; None keeps none.
    Its state is a function of the search so far: `learn` is called with the number of the batch and with what was
    scored before it, and calls that a checkpoint already holds change nothing.
    """

    def __init__(self, model: Model, config: LearnerConfig, seed: int, folder: Path | None = None):
        self.config, self._seed = config, seed
        self._tuned = TunedModel(model, config.lr)
        self._place = folder / CHECKPOINT if folder is not None else None
        self._learned = self._tuned.load(self._place).get("asks", 0) if self._place is not None else 0
        self._drawn: tuple[int, list[str]] = -1, []

    def draw(self, ask: int) -> list[str]:
        """Strings for the batch of a number, as the model spells them."""
        if self._drawn[0] != ask:
            texts = self._tuned.sample(self.config.sampled, derive_seed(self._seed, "learner", ask))
            self._drawn = ask, [text for text in texts if text]
        return self._drawn[1]

    def learn(self, ask: int, scored: Sequence[Ranked]) -> None:
        """Learn from what was scored before a batch."""
        if ask < self._learned or not scored:
            return
        random = Random(derive_seed(self._seed, "learner's batch", ask))
        own = self.draw(ask) if self.config.kl else []
        best = sorted(scored, key=lambda one: -one.value)
        for _ in range(self.config.steps):
            self._step(self._batch(best, scored, random), own, best[-1].value, best[0].value, random)
        self._learned, self._drawn = ask + 1, (-1, [])
        if self._place is not None and self._learned % self.config.checkpoint == 0:
            self._tuned.save(self._place, {"asks": self._learned})

    def refuse_ahead(self, asks: int) -> None:
        """Raise RunError where the checkpoint is of more batches than a search has asked for."""
        if self._learned > asks:
            raise RunError(f"{self._place}: is of another search; remove it, or give another folder.")

    def _batch(self, best: Sequence[Ranked], scored: Sequence[Ranked], random: Random) -> list[Ranked]:
        """Half of the best by rank, half of the latest."""
        half = self.config.batch // 2 or 1
        latest = scored[-5 * half :]
        chosen = random.choices(best, rank_weights(len(best)), k=half) + random.choices(latest, k=half)
        return list(dict.fromkeys(chosen))

    def _step(self, batch: list[Ranked], own: list[str], worst: float, best: float, random: Random) -> None:
        anew = self.config.randomized
        texts = [spelled(one.smiles, random) if random.random() < anew else one.smiles for one in batch]
        log_prob, prior, rows = self._tuned.log_prob(texts)
        if not rows:
            return
        rewards = np.array([(batch[row].value - worst) / ((best - worst) or 1.0) for row in rows])
        reward = torch.as_tensor(rewards, dtype=log_prob.dtype, device=log_prob.device)
        of = _Scored(log_prob, prior, reward, self._tuned.log_partition)
        loss = LOSSES[self.config.loss](of, self.config.strength).mean()
        if own:
            mine, theirs, read = self._tuned.log_prob(own)
            loss = loss + self.config.kl * kl_to_prior(mine, theirs).mean() if read else loss
        self._tuned.step(loss)


def spelled(smiles: str, random: Random) -> str:
    """A molecule from a random atom, in a random order (Arús-Pous et al. 2019).

    >>> spelled("CO", Random(1)) in ("CO", "OC")
    True
    """
    mol = Chem.MolFromSmiles(smiles)
    order = list(range(mol.GetNumAtoms()))
    random.shuffle(order)
    return Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
