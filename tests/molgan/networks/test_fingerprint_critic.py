"""Environments of atoms: those of a molecule are the same however it is written, and tell molecules apart."""

import numpy as np
import torch
from rdkit import Chem

from gancore.losses.adversarial import OBJECTIVES
from molgan import chemistry
from molgan.data import graphs
from molgan.networks.fingerprint_critic import FingerprintCritic, closed_walks, environments

SMILES = ["c1ccccc1C", "Cc1ccccc1C", "C1CC1CO", "c1cc[nH]c1", "OC1CCC1", "CC#N", "C", "c1ccc2ccccc2c1", "FC(F)(F)C=O"]

VOCABULARY = chemistry.Vocabulary(tuple(chemistry.AtomType(symbol) for symbol in "CFNO"), 10)
CAPACITY = torch.from_numpy(VOCABULARY.capacity)


def arrays(mols):
    return tuple(map(torch.from_numpy, chemistry.encode([chemistry.to_graph(mol) for mol in mols], VOCABULARY)))


def counted(mols):
    """Environments of each molecule in order, (molecule, kind, atom)."""
    atoms, orders = arrays(mols)
    found = environments(atoms, orders, CAPACITY)
    return found.masked_fill((atoms < 0)[:, None], -1).sort(-1).values


def test_they_do_not_depend_on_the_numbering_or_the_kekule_form():
    rng = np.random.default_rng(0)
    for text in SMILES:
        mol = chemistry.parse(text)
        others = [Chem.RenumberAtoms(mol, rng.permutation(mol.GetNumAtoms()).tolist()) for _ in range(20)]
        assert (counted(others) == counted([mol])).all(), text
    one, other = torch.tensor([[2, 1, 2, 1, 2, 1]]), torch.tensor([[1, 2, 1, 2, 1, 2]])  # around a ring
    atoms, i, j = torch.zeros(1, 6, dtype=torch.long), *chemistry.pair_ends(6)
    ring = [
        int(np.flatnonzero((i == min(a, b)) & (j == max(a, b)))[0])
        for a, b in zip(range(6), (1, 2, 3, 4, 5, 0), strict=True)
    ]
    forms = []
    for orders in (one, other):
        pairs = torch.zeros(1, len(i), dtype=torch.long)
        pairs[0, ring] = orders[0]
        forms.append(environments(atoms, pairs, torch.tensor([4])))
    assert torch.equal(*forms)


def test_they_tell_molecules_apart():
    found = counted([chemistry.parse(text) for text in SMILES]).flatten(1)
    assert len(found.unique(dim=0)) == len(SMILES)
    isomers = [chemistry.parse(text) for text in ("Cc1ccccc1C", "Cc1cccc(C)c1")]
    first, second = counted(isomers)
    assert torch.equal(first[0], second[0])  # the same atoms
    assert not torch.equal(first[1], second[1])  # differently surrounded


def test_they_stay_the_same_between_versions():
    """Trained weights hang on them."""
    atoms, orders = torch.tensor([[0, 0, 1]]), torch.tensor([[1, 0, 2]])
    found = environments(atoms, orders, torch.tensor([4, 2]))
    assert found.tolist() == [[[2098080705, 1137333769, 1948458018], [1229272800, 1283516521, 1348080667]]]
    assert found.min() >= 0


def test_closed_walks_by_hand():
    def walks(text):
        atoms, orders = arrays([chemistry.parse(text)])
        return closed_walks(graphs.to_matrix(orders.long(), atoms.shape[1]) > 0)[0, : int((atoms >= 0).sum())].tolist()

    assert walks("CCCC") == [0, 0, 0, 0]
    assert walks("C1CC1") == [0b1001] * 3  # once around and twice
    assert walks("C1CCC1") == [0b0010] * 4
    assert walks("C1CCCC1") == [0b0100] * 5
    assert walks("C1CCCCC1") == [0b1000] * 6
    assert walks("CC1CC1")[0] == 0b0100  # to the ring, around it and back


def test_the_critic_ignores_padding_and_learns_what_a_ring_is(qm9_smiles):
    plain = [text for text in qm9_smiles if "+" not in text and "-" not in text]
    atoms, orders = arrays([chemistry.parse(text) for text in plain])
    bonded = graphs.to_matrix(orders.long(), atoms.shape[1]) > 0
    ringed = bonded.sum((1, 2)) // 2 >= (atoms >= 0).sum(1)
    assert 0.2 < ringed.float().mean() < 0.95
    torch.manual_seed(0)
    critic = FingerprintCritic(CAPACITY, 512, 16)
    optimizer, game = torch.optim.Adam(critic.parameters(), 1e-2), OBJECTIVES["relativistic_pairing"]
    half = len(atoms) // 2

    def logits(chosen):
        return critic(graphs.one_hots(atoms[chosen], orders[chosen], len(VOCABULARY.atoms))).logits

    train, test = torch.arange(half), torch.arange(half, len(atoms))
    for _ in range(30):
        real, fake = train[ringed[:half]], train[~ringed[:half]]
        n = min(len(real), len(fake))
        loss = game.critic(logits(real[:n]), logits(fake[:n])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        judged = logits(test)
        assert judged[ringed[half:]].mean() > judged[~ringed[half:]].mean() + 3
        wider = torch.cat((atoms[test], torch.full((len(test), 1), -1)), 1)
        i, j = chemistry.pair_ends(wider.shape[1])
        pairs = torch.zeros(len(test), len(i), dtype=torch.long)
        pairs[:, torch.from_numpy((i < atoms.shape[1]) & (j < atoms.shape[1]))] = orders[test].long()
        again = critic(graphs.one_hots(wider, pairs, len(VOCABULARY.atoms))).logits
        torch.testing.assert_close(again, judged)
