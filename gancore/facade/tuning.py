"""A trained model that is tuned from outside the loop of training: draws, and gradients of strings' likelihood."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gancore.errors import ConfigError
from gancore.facade.model import Model
from gancore.facade.recipe import refuse_without
from gancore.runs import checkpoint


class TunedModel:
    """The generator of a model, and the same as it was before, the prior.

    model: of either half; it is changed from now on. lr: of Adam. setting: what an error calls the model. Raises
    ConfigError for a model whose likelihood is not known, or that was trained on conditions.

    >>> from gancore.facade.models import load_model
    >>> tuned = TunedModel(load_model("smiles-moses"), 1e-3)
    >>> log_prob, prior, rows = tuned.log_prob(["CCO", "not a molecule", "c1ccncc1"])
    >>> rows, torch.allclose(log_prob, prior)
    ([0, 2], True)
    """

    def __init__(self, model: Model, lr: float, setting: str = "learner.model"):
        refuse_without(model.recipe, "log_prob", setting)
        if model.conditions is not None:
            raise ConfigError(f"{setting}: was trained on conditions; take a model without.")
        self.model, self._recipe = model, model.recipe
        self.network = model.recipe.averaged.average
        self.prior = copy.deepcopy(self.network)
        self.network.requires_grad_(True)
        self.log_partition = torch.nn.Parameter(torch.zeros(()))
        self._optimizer = torch.optim.Adam(
            [{"params": self.network.parameters()}, {"params": [self.log_partition], "lr": 10 * lr}], lr
        )

    def sample(self, n: int, seed: int) -> list[str | None]:
        """`n` draws as strings; None for a draw that is none. The same weights and seed give the same draws."""
        return self.model.sample(n, seed=seed, raw=True)  # type: ignore[attr-defined]

    def log_prob(self, strings: Sequence[str]) -> tuple[Tensor, Tensor, list[int]]:
        """Log-probability in nats under generator and prior, of those strings that can be read, and their places."""
        sample, rows = self.model.domain.encode(strings, self._recipe.space)
        spelled = self._recipe.is_spelled(sample)
        sample = tuple(part[spelled].to(self.model.device) for part in sample)
        rows = [row for row, known in zip(rows, spelled.tolist(), strict=True) if known]
        if not rows:
            return (nothing := torch.zeros(0, device=self.model.device)), nothing, []
        with torch.backends.cudnn.flags(enabled=False):  # whose recurrent layers learn in training mode alone
            mine = self._recipe.log_prob_of(self.network, sample)
        with torch.no_grad():
            theirs = self._recipe.log_prob_of(self.prior, sample)
        return mine, theirs, rows

    def step(self, loss: Tensor, most: float = 1.0) -> None:
        """One step of Adam on a loss, its gradient's norm at most `most`; a gradient that is not finite is left out."""
        self._optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), most)
        if torch.isfinite(norm):
            self._optimizer.step()

    def weights(self) -> dict[str, Tensor]:
        """A copy of the generator's weights."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Put weights back."""
        self.network.load_state_dict(weights)

    def forget(self) -> None:
        """Put the prior's weights back: the model is as it was."""
        self.restore(self.prior.state_dict())
        self.network.requires_grad_(False)

    # State ------------------------------------------------------------------------------------

    def save(self, folder: Path, values: dict[str, Any]) -> None:
        """Write weights and optimiser, with `values`, to a checkpoint. Raises OSError where it cannot be written."""
        checkpoint.save(folder, checkpoint.pack(*self._parts), values)

    def load(self, folder: Path) -> dict[str, Any]:
        """Take over what `save` wrote, and give its values; none where nothing was.

        Raises CheckpointError for one that is damaged, or of another model.
        """
        if not checkpoint.exists(folder):
            return {}
        stored = checkpoint.read(folder)
        with stored.as_checkpoint_error():
            checkpoint.unpack(stored.tensors(), *self._parts)
        return stored.values

    @property
    def _parts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        module = torch.nn.Module()
        module.register_parameter("log_partition", self.log_partition)
        return {"network": self.network, "balance": module}, {"learner": self._optimizer}
