"""A generator that is told what a critic sees of its prefix (LeakGAN, Guo et al. 2018): manager, goals, worker.

The features of a prefix are the states of a recurrent critic, read by a copy of it that does not learn here. A manager
turns them into goals, directions in the space of features. The worker is a plain generator whose features are scaled by
the last goals.
"""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, normalize, pad

from gancore.losses.reduction import sum_steps
from gancore.types import Context
from seqgan.networks.architectures import LSTM, GeneratorConfig
from seqgan.networks.critics import CriticConfig, TokenEmbedding
from seqgan.networks.decoding import State
from seqgan.networks.generator import Generator
from seqgan.text.alphabet import Alphabet, Ids

_OWN = 5  # parts of the state beside those of the worker


class PrefixReader(nn.Module):
    """The states of a recurrent critic after each prefix; it takes the critic's weights, and none of its own learn."""

    def __init__(self, alphabet: Alphabet, critic: CriticConfig):
        super().__init__()
        self.embedding = TokenEmbedding(alphabet, critic.embedding)
        self.recurrent = nn.GRU(critic.embedding, critic.width, batch_first=True)
        self.requires_grad_(False)

    def take(self, critic: nn.Module) -> None:
        """Read from now on as this critic does, a `RecurrentCritic` of the same sizes."""
        weights: Mapping[str, Tensor] = critic.state_dict()
        self.load_state_dict({name: weights[name] for name in self.state_dict()})

    def forward(self, ids: Ids) -> Float[Tensor, "batch place feature"]:
        """What is seen before each token and after the last: one place more than there are tokens; zeros at first."""
        return pad(self.recurrent(self.embedding(ids))[0], (0, 0, 1, 0))

    def step(self, tokens: Tensor, seen: Tensor) -> Tensor:
        """What is seen after one more token."""
        cell: Any = self.recurrent
        weights = (cell.weight_ih_l0, cell.weight_hh_l0, cell.bias_ih_l0, cell.bias_hh_l0)
        return torch.gru_cell(self.embedding(tokens[:, None]).squeeze(1), seen, *weights)


class LeakyGenerator(Generator):
    """A worker whose features are scaled by 1 + U psi(sum of the last `horizon` goals).

    U begins at 0, so it begins as a plain generator. No gradient of the worker reaches the manager. goal: width of a
    goal's embedding psi. critic: sizes of the recurrent critic that leaks.
    """

    def __init__(
        self,
        alphabet: Alphabet,
        config: GeneratorConfig,
        length: int,
        context_features: int = 0,
        *,
        critic: CriticConfig,
        goal: int,
        horizon: int,
    ):
        super().__init__(alphabet, config, length, context_features)
        self.horizon = horizon
        self.reader = PrefixReader(alphabet, critic)
        self.manager = LSTM(critic.width, critic.width, 1, 0.0)
        self.goal, self.scale = nn.Linear(critic.width, goal, bias=False), nn.Linear(goal, config.width, bias=False)
        nn.init.zeros_(self.scale.weight)

    def goals(self, seen: Float[Tensor, "batch step feature"]) -> Float[Tensor, "batch step feature"]:
        """The manager's goal before each token, of length 1, from what is seen there and before."""
        return normalize(self.manager(seen), dim=-1)

    def features(self, ids: Ids, context: Context | None = None) -> Float[Tensor, "batch step width"]:
        """What the head reads before each token of `ids`."""
        goals = self.goals(self.reader(ids)[:, :-1]).detach()
        summed = pad(goals, (0, 0, self.horizon - 1, 0)).unfold(1, self.horizon, 1).sum(-1)
        return super().features(ids, context) * (1 + self.scale(self.goal(summed)))

    def start(self, n: int, context: Context | None = None) -> State:
        """The worker's state, then: whether a token was read, what is seen, the manager's state, the last goals."""
        size = self.manager.width
        seen = self.closed.new_zeros(n, size)
        goals = self.closed.new_zeros(n, self.horizon, size)
        return (*super().start(n, context), seen[:, :1], seen, *self.manager.start(n), goals)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Features `(n, width)` of what follows `tokens (n,)`, and the new state."""
        begun, seen, hidden, cell, goals = state[-_OWN:]
        worker, moved = super().step(tokens, state[:-_OWN])
        seen = torch.where(begun > 0, self.reader.step(tokens, seen), seen)  # the first token only begins the sequence
        found, manager = self.manager.step(seen, (hidden, cell))
        goals = torch.cat((goals[:, 1:], normalize(found, dim=-1)[:, None]), 1).detach()
        features = worker * (1 + self.scale(self.goal(goals.sum(1))))
        return features, (*moved, torch.ones_like(begun), seen, *manager, goals)

    def manager_loss(self, ids: Ids, worth: Float[Tensor, "batch step"] | None = None) -> Float[Tensor, "batch"]:
        """Minus worth x cosine of each goal and how the features then moved over `horizon` tokens; a mean over tokens.

        At the end of a sequence they move over the tokens that are left. worth: of the prefix that ends with each
        token, taken at the end of the move; None is 1, for real sequences.
        """
        mask, seen = self.alphabet.mask(ids), self.reader(ids)
        places = torch.arange(ids.shape[1], device=ids.device)
        ends = torch.minimum(places + self.horizon, mask.sum(1, keepdim=True))
        later = seen.gather(1, ends[..., None].expand(-1, -1, seen.shape[2]))
        followed = cosine_similarity(later - seen[:, :-1], self.goals(seen[:, :-1]), dim=-1)
        if worth is not None:
            followed = followed * worth.gather(1, ends - 1)
        return sum_steps(-followed, mask)

    def intrinsic(self, ids: Ids) -> Float[Tensor, "batch step"]:
        """How well each token follows the goals of the `horizon` places before it: a mean of cosines; 0 at padding."""
        seen = self.reader(ids)
        goals, total, count = self.goals(seen[:, :-1]), torch.zeros(ids.shape, device=ids.device), 0
        for back in range(1, min(self.horizon, ids.shape[1]) + 1):
            moved = seen[:, back:] - seen[:, : seen.shape[1] - back]
            aligned = cosine_similarity(moved, goals[:, : goals.shape[1] - back + 1], dim=-1)
            total = total + pad(aligned, (back - 1, 0))
            count = count + pad(torch.ones_like(aligned), (back - 1, 0))
        return total / count * self.alphabet.mask(ids)
