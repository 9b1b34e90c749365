"""The usual ways to do what the benchmarks time, written plainly, so that both are timed in one run on one machine.

Sizes are the published ones unless others are given. Each function gives a call to be timed.
"""

from collections.abc import Callable, Sequence
from itertools import count, pairwise

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

FILTERS = {1: 100, 2: 200, 3: 200, 4: 200, 5: 200, 6: 100, 7: 100, 8: 100, 9: 100, 10: 100, 15: 160, 20: 160}
"""SeqGAN's filters (Yu et al. 2017), width -> number."""
_BONDS = {1: Chem.BondType.SINGLE, 2: Chem.BondType.DOUBLE, 3: Chem.BondType.TRIPLE}


# Molecules ------------------------------------------------------------------------------------


def decoding(atoms: np.ndarray, orders: np.ndarray, numbers: Sequence[tuple[int, int]]) -> Callable[[], None]:
    """The usual loop from matrices to SMILES: atoms and bonds added one by one, sanitised, written.

    atoms `(molecule, node)`, -1 for none; orders `(molecule, node, node)`; numbers: element and charge of each kind.
    """

    def run() -> None:
        for kinds, matrix in zip(atoms, orders, strict=True):
            mol = Chem.RWMol()
            for kind in kinds[kinds >= 0].tolist():
                atom = Chem.Atom(numbers[kind][0])
                atom.SetFormalCharge(numbers[kind][1])
                mol.AddAtom(atom)
            for start, end in zip(*np.nonzero(matrix), strict=True):
                if start > end:
                    mol.AddBond(int(start), int(end), _BONDS[int(matrix[start, end])])
            try:
                Chem.SanitizeMol(mol)
                Chem.MolToSmiles(mol, isomericSmiles=False)
            except ValueError:
                pass

    return run


class RelationalCritic(nn.Module):
    """MolGAN's critic (De Cao and Kipf 2018): two relational layers (128, 64), a gated sum (128), tanh, one number."""

    def __init__(self, kinds: int):
        super().__init__()
        widths = (kinds, 128, 64)
        self.own = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(widths))
        self.told = nn.ModuleList(nn.Linear(before, 3 * after) for before, after in pairwise(widths))
        self.gate, self.sum = nn.Linear(64, 128), nn.Linear(64, 128)
        self.head = nn.Sequential(nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 1))

    def forward(self, nodes: Tensor, bonds: Tensor) -> Tensor:
        """nodes `(batch, node, kind)`, bonds `(batch, node, node, 4)`, none first -> `(batch,)`."""
        hidden, relations = nodes, bonds[..., 1:]
        for own, told in zip(self.own, self.told, strict=True):
            messages = told(hidden).unflatten(-1, (3, -1))
            hidden = torch.tanh(own(hidden) + torch.einsum("bijr,bjrf->bif", relations, messages))
        return self.head((self.gate(hidden).sigmoid() * self.sum(hidden).tanh()).sum(1).tanh()).squeeze(1)


def molgan_iterations(nodes: int = 9, kinds: int = 5, batch: int = 32) -> Callable[[], None]:
    """One iteration of MolGAN's scheme: the critic with its gradient penalty; every fifth, the generator too.

    Its value network and RDKit's scores are left out, which the published scheme has in every fifth iteration.
    """
    widths = (32, 128, 256, 512, nodes * nodes * 4 + nodes * kinds)
    layers = [part for pair in pairwise(widths) for part in (nn.Linear(*pair), nn.Tanh())]
    generator, critic = nn.Sequential(*layers[:-1]), RelationalCritic(kinds)
    optimizers = {name: torch.optim.Adam(net.parameters(), 1e-4) for name, net in (("g", generator), ("c", critic))}
    turn = count(1)

    def draw() -> tuple[Tensor, Tensor]:
        made = generator(torch.randn(batch, 32))
        bonds = made[:, : nodes * nodes * 4].view(batch, nodes, nodes, 4)
        return made[:, nodes * nodes * 4 :].view(batch, nodes, kinds).softmax(-1), (
            (bonds + bonds.transpose(1, 2)) / 2
        ).softmax(-1)

    with torch.no_grad():
        real = tuple(nn.functional.one_hot(part.argmax(-1), part.shape[-1]).float() for part in draw())

    def step(name: str, loss: Tensor) -> None:
        optimizers[name].zero_grad()
        loss.backward()
        optimizers[name].step()

    def run() -> None:
        with torch.no_grad():
            fake = draw()
        share = torch.rand(batch, 1, 1)
        between = [
            (part * one + (1 - part) * other).requires_grad_()
            for part, one, other in zip((share, share[..., None]), real, fake, strict=True)
        ]
        slopes = torch.autograd.grad(critic(*between).sum(), between, create_graph=True)
        norms = torch.cat([slope.flatten(1) for slope in slopes], 1).norm(dim=1)
        step("c", critic(*fake).mean() - critic(*real).mean() + 10 * (norms - 1).square().mean())
        if next(turn) % 5 == 0:
            step("g", -critic(*draw()).mean())

    return run


# Text -----------------------------------------------------------------------------------------


class Recurrent(nn.Module):
    """SeqGAN's generator with `nn.LSTM`: embedding and state of 32."""

    def __init__(self, tokens: int, width: int = 32):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(tokens, width), nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, tokens)

    def forward(self, ids: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Logits `(batch, step, token)` of what follows, and the state."""
        hidden, state = self.lstm(self.embedding(ids), state)
        return self.out(hidden), state

    @torch.no_grad()
    def sample(self, prefix: Tensor, length: int) -> Tensor:
        """Complete prefixes `(batch, step)`: they are read token by token, then `torch.multinomial` draws the rest."""
        ids, state = torch.zeros(len(prefix), length, dtype=torch.long), None
        ids[:, : prefix.shape[1]] = prefix
        token = torch.zeros(len(prefix), 1, dtype=torch.long)
        for place in range(length):
            logits, state = self(token, state)
            if place >= prefix.shape[1]:
                ids[:, place] = torch.multinomial(logits[:, -1].softmax(-1), 1).squeeze(1)
            token = ids[:, place : place + 1]
        return ids


class Convolutional(nn.Module):
    """SeqGAN's critic with `nn.Conv1d`: all filters, a highway, dropout, two logits."""

    def __init__(self, tokens: int, length: int, width: int = 64):
        super().__init__()
        kept = {size: number for size, number in FILTERS.items() if size <= length}
        total = sum(kept.values())
        self.embedding = nn.Embedding(tokens, width)
        self.filters = nn.ModuleList(nn.Conv1d(width, number, size) for size, number in kept.items())
        self.change, self.gate, self.drop = nn.Linear(total, total), nn.Linear(total, total), nn.Dropout(0.25)
        self.out = nn.Linear(total, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Ids `(batch, step)` -> logits of fake and real `(batch, 2)`."""
        inputs = self.embedding(ids).mT
        found = torch.cat([conv(inputs).relu().amax(2) for conv in self.filters], 1)
        gate = self.gate(found).sigmoid()
        return self.out(self.drop(gate * self.change(found).relu() + (1 - gate) * found))


def sampling(model: Recurrent, n: int, length: int, batch: int = 64) -> Callable[[], None]:
    """Sequences in batches."""

    def run() -> None:
        for _ in range(max(1, n // batch)):
            model.sample(torch.zeros(batch, 0, dtype=torch.long), length)

    return run


def rolling_out(model: Recurrent, critic: Convolutional, ids: Tensor, rollouts: int) -> Callable[[], None]:
    """Monte-Carlo search as published: every prefix of every length is read anew for each completion, then judged."""

    @torch.no_grad()
    def run() -> None:
        for _ in range(rollouts):
            for given in range(1, ids.shape[1] + 1):
                critic(model.sample(ids[:, :given], ids.shape[1])).softmax(-1)

    return run


def teaching(model: Recurrent, ids: Tensor) -> Callable[[], None]:
    """One step of maximum likelihood with Adam."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    inputs = torch.cat((torch.zeros_like(ids[:, :1]), ids[:, :-1]), 1)

    def run() -> None:
        optimizer.zero_grad()
        cross_entropy(model(inputs)[0].flatten(0, 1), ids.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()

    return run


def judging(critic: Convolutional, ids: Tensor) -> Callable[[], None]:
    """One step of the critic with Adam, half of the sequences real."""
    optimizer, labels = torch.optim.Adam(critic.parameters(), 1e-4), torch.arange(len(ids)) % 2

    def run() -> None:
        optimizer.zero_grad()
        cross_entropy(critic(ids), labels).backward()
        optimizer.step()

    return run


def nltk_bleu(hypotheses: Sequence[Sequence[str]], references: Sequence[Sequence[str]]) -> Callable[[], None]:
    """BLEU-2 to 5 of each hypothesis by NLTK, its four weights in one call."""
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    weights = [(1 / n,) * n for n in (2, 3, 4, 5)]
    smoothing = SmoothingFunction().method1

    def run() -> None:
        for tokens in hypotheses:
            sentence_bleu(references, tokens, weights, smoothing)

    return run
