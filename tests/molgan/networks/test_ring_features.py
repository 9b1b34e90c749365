"""Rings from arrays: sizes as RDKit has them, bridgeheads by hand, and a critic that learns of them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from rdkit import Chem

from gancore.errors import ConfigError
from molgan import Config, MolGAN, chemistry
from molgan.data import graphs
from molgan.networks import ring_features
from molgan.networks.fingerprint_critic import FingerprintCritic, ring_environments

VOCABULARY = chemistry.Vocabulary(tuple(chemistry.AtomType(symbol) for symbol in "CNOS"), 30)
CAPACITY = torch.from_numpy(VOCABULARY.capacity)
SMALL = ["model.recurrent=16", "model.pair=8", "model.fingerprint=64", "model.fingerprint_width=8", "model.dropout=0"]


def arrays(mols):
    return tuple(map(torch.from_numpy, chemistry.encode([chemistry.to_graph(mol) for mol in mols], VOCABULARY)))


def linked(mols):
    size = max(mol.GetNumAtoms() for mol in mols)
    found = torch.zeros(len(mols), size, size, dtype=torch.bool)
    for row, mol in enumerate(mols):
        found[row, : mol.GetNumAtoms(), : mol.GetNumAtoms()] = torch.from_numpy(Chem.GetAdjacencyMatrix(mol)) > 0
    return found


def test_the_smallest_rings_are_those_of_rdkit(qm9_smiles):
    texts = [
        *qm9_smiles,
        "C1CCCCCCCCCCC1",
        "c1ccc2c(c1)CCc1ccccc1CC2",
        "c1ccccc1CCC1CC1",
        "C1CC2CCC1CCCCC2",
        "CCO",
        "C",
    ]
    mols = [chemistry.parse(text) for text in texts]
    found = ring_features.find(linked(mols)).sizes
    wanted = torch.zeros_like(found)
    for row, mol in enumerate(mols):
        for bond in mol.GetBonds():
            ends = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            size = mol.GetRingInfo().MinBondRingSize(bond.GetIdx())
            wanted[row, ends[0], ends[1]] = wanted[row, ends[1], ends[0]] = size
    assert torch.equal(found, wanted)
    assert found.max() == 12


@pytest.mark.parametrize(
    ("smiles", "bridgeheads"),
    [
        ("C1CC2CCC1C2", 2),  # norbornane
        ("C1CN2CCC1CC2", 2),  # quinuclidine
        ("CC1(C)C2CCC1(C)C(=O)C2", 2),  # camphor
        ("c1ccc2c(c1)C1c3ccccc3C2c2ccccc21", 2),  # triptycene
        ("C1CCC2CCCCC2C1", 0),  # decalin: fused
        ("C1CC2(C1)CCC2", 0),  # spiro
        ("C1CC2CCCC3CCCC(C1)C23", 0),  # three rings around one atom, each two share one bond
        ("C12C3C4C1C5C2C3C45", 0),  # cubane, likewise
        ("c1ccc(-c2ccccc2)cc1", 0),
        ("CCCC", 0),
    ],
)
def test_bridgeheads_by_hand(smiles, bridgeheads):
    assert ring_features.find(linked([chemistry.parse(smiles)])).bridgeheads.sum() == bridgeheads


def test_as_many_atoms_as_a_graph_may_have():
    ring = torch.zeros(1, chemistry.MOST_ATOMS, chemistry.MOST_ATOMS, dtype=torch.bool)
    places = torch.arange(chemistry.MOST_ATOMS)
    ring[0, places, places.roll(1)] = ring[0, places.roll(1), places] = True
    assert set(ring_features.find(ring).sizes.unique().tolist()) == {0, chemistry.MOST_ATOMS}


def test_ring_environments_do_not_depend_on_the_numbering():
    rng = np.random.default_rng(0)
    for text in ("c1ccc2c(c1)CCc1ccccc1CC2", "CC1(C)C2CCC1(C)C(=O)C2", "c1ccc2[nH]ccc2c1", "CCO"):
        mol = chemistry.parse(text)
        others = [Chem.RenumberAtoms(mol, rng.permutation(mol.GetNumAtoms()).tolist()) for _ in range(9)]
        found, counts = ring_environments(*arrays([mol, *others]), CAPACITY)
        assert (found.sort(-1).values == found[0].sort().values).all()
        assert (counts == counts[0]).all()
        assert counts[0, :13].sum() == mol.GetNumBonds()
        assert (found >= 0)[0].sum() == sum(atom.IsInRing() for atom in mol.GetAtoms())


def test_they_stay_the_same_between_versions():
    """Trained weights hang on them."""
    found, counts = ring_environments(*arrays([chemistry.parse("C1CC2CCC1C2"), chemistry.parse("C1CO1")]), CAPACITY)
    assert found[1, :3].tolist() == [1965228771, 1965228771, 399231956]  # of an epoxide
    assert counts[0].nonzero().flatten().tolist() == [5, 13 + 5]
    assert counts[0].sum() == 8 + 2


def test_a_critic_without_rings_is_the_one_of_before_and_rings_begin_at_nothing():
    sample = graphs.one_hots(*arrays([chemistry.parse("C1CC2CCC1C2"), chemistry.parse("CCO")]), len(VOCABULARY.atoms))
    torch.manual_seed(0)
    plain = FingerprintCritic(CAPACITY, 64, 8)
    assert set(plain.state_dict()) == {"enter.weight", "enter.bias", "head.weight", "head.bias"}
    ringed = FingerprintCritic(CAPACITY, 64, 8, 16)
    ringed.load_state_dict(ringed.state_dict() | plain.state_dict())
    assert torch.equal(plain(sample).logits, ringed(sample).logits)
    with torch.no_grad():
        ringed.ring_head.weight[0, 13 + 5] = 1.0
    change = ringed(sample).logits - plain(sample).logits
    assert change[0] > 1
    assert change[1] == 0


def test_rings_are_added_to_a_trained_model_and_nothing_else_changes(tmp_path, qm9_smiles):
    few = [
        *SMALL,
        "recipe=autoregressive",
        "device=cpu",
        "batch=8",
        "steps=0",
        "pretrain.batch=8",
        "critic.rejections=2",
    ]
    plain = Config.load("default", [*few, "pretrain.steps=2", "critic.pretrain=2"])
    old = MolGAN(plain).fit(list(qm9_smiles[:60]), quiet=True)
    rings_only = [*few, "pretrain.steps=0", "critic.pretrain=2", "model.ring_fingerprint=32", "critic.rings_only=true"]
    new = MolGAN(Config.load("default", rings_only)).fit(list(qm9_smiles[:40]), quiet=True, start=old)
    assert torch.equal(old.recipe.space.sizes, new.recipe.space.sizes)
    for name in ("averaged", "critic"):
        before, after = (gan.recipe.modules[name].state_dict() for gan in (old, new))
        assert all(torch.equal(before[key], after[key]) for key in before)
        changed = {key for key in after if key not in before and after[key].abs().sum() > 0}
        assert changed == ({"ring_enter.weight", "ring_head.weight"} if name == "critic" else set())
    new.save_pretrained(tmp_path / "model")
    again = MolGAN.load(tmp_path / "model")
    assert again.sample(8) == new.sample(8)
    assert again.sample(8, raw=True) == old.sample(8, raw=True)
    gone_on = MolGAN(replace(plain, seed=1)).fit(list(qm9_smiles[:60]), quiet=True, start=new)
    assert gone_on.config.model.ring_fingerprint == 32, "what the configuration does not set is the start's"
    with pytest.raises(ConfigError, match="ring_fingerprint"):
        Config.load("default", [*few, "critic.rings_only=true"])
