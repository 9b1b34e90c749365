"""Samples on request: fragments, sizes, substructures, in Python and on the command line."""

import re
import warnings

import pandas as pd
import pytest
from rdkit import Chem

import molgan.__main__
from gancore.errors import ConfigError
from gancore.io.notes import Note
from molgan import Config, Fragments, MolGAN
from molgan.networks.fingerprint_critic import FingerprintCritic

SMILES = [
    *("CC(C)(C)c1ccc2occ(CC(=O)Nc3ccccc3F)c2c1", "CC1CC(Nc2cncc(-c3nncn3C)c2)CC(C)C1", "O=C(O)CSc1nnc(Br)n1C1CC1"),
    *("N#Cc1ccc(-c2ccc(OC(C(=O)N3CCCC3)c3ccccc3)cc2)cc1", "CCOC(=O)C1CCCN(C(=O)c2ccncc2)C1", "CC[NH+](CC)CCO"),
]
FEW = (
    *("steps=0", "pretrain.steps=3", "pretrain.batch=4", "model.recurrent=16", "model.pair=8", "model.fragments=0.5"),
    *("model.random_order=0.3", "model.fingerprint=64", "model.fingerprint_width=8", "monitor_every=100"),
)


@pytest.fixture(scope="module")
def gan():
    config = Config.load("conditional", [*FEW, "critic.pretrain=2", "data.min_atom_share=0"])
    return MolGAN(config).fit(SMILES, condition=["logp", "heavy_atoms"], quiet=True)


@pytest.fixture(scope="module")
def folder(gan, tmp_path_factory):
    where = tmp_path_factory.mktemp("shared") / "model"
    gan.save_pretrained(where)
    return where


@pytest.mark.parametrize(
    "fragments",
    [
        "[*]c1ccccc1",
        "c1ccc2[nH]ccc2c1",  # open anywhere
        ["[*]c1ccccc1", "[*]N1CCOCC1"],  # two to be linked
        "[1*]c1ccncc1.[2*]C1CC1.[3*]C(=O)O",  # three to be joined
        "[1*]c1c([2*])c([3*])c([4*])c([5*])c1[6*]",  # six sites
        "C1(*)(*)CCCCC1",  # two substituents at one atom
        "[*]CCCCCCCC[*]",  # a ring that closes through new atoms, or two substituents
        "[*]C[NH+](C)C",  # a charge
        "[*]/C=C/C(=O)O",  # E
        "[*]N1CCC[C@H]1C(=O)N",  # a centre
        "C1CC*CC1[*]",  # an atom of any type
        "O=C1CC2(CCN1[*])CC2",  # spiro
    ],
)
def test_every_sample_has_its_fragments(gan, fragments):
    drawn = gan.sample(12, seed=1, fragments=fragments)
    request = Fragments.parse(fragments)
    assert len(drawn) == 12
    assert [text for text in drawn if text is None or not request.in_molecule(text)] == []
    assert len(set(drawn)) > 6
    assert gan.sample(5, seed=1, fragments=fragments) == drawn[:5]


def test_the_scaffold_is_one_of_the_fragments(gan):
    request = Fragments.parse(["c1ccncc1", "[*]C1CC1"])
    drawn = gan.sample(6, scaffold="c1ccncc1", fragments="[*]C1CC1", raw=True)
    assert all(request.in_molecule(text) for text in drawn)


def test_a_condition_and_a_tolerance_go_with_fragments(gan):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Note)
        asked = {"condition": {"heavy_atoms": 14}, "guidance": 1.5, "tolerance": {"heavy_atoms": 20}}
        drawn = gan.sample(8, fragments="[*]c1ccccc1", **asked)
    assert all(text is not None and Fragments.parse("[*]c1ccccc1").in_molecule(text) for text in drawn)


def test_the_size_is_within_its_bounds(gan):
    sizes = {Chem.MolFromSmiles(text).GetNumAtoms() for text in gan.sample(40, size=(9, 11), raw=True)}
    assert sizes <= {9, 10, 11}
    sizes = {Chem.MolFromSmiles(text).GetNumAtoms() for text in gan.sample(40, fragments="[*]c1ccccc1", size=(9, 11))}
    assert sizes == {9, 10, 11}  # training has none of them, so all are drawn


def test_a_lower_ceiling_takes_fewer_draws(monkeypatch):
    judged = []
    forward = FingerprintCritic.forward

    def counted(self, sample, context=None):
        judged.append(len(sample[0]))
        return forward(self, sample, context)

    monkeypatch.setattr(FingerprintCritic, "forward", counted)
    moses, draws = MolGAN.load("moses"), {}
    for ceiling in (None, 3.0, 1.2):
        judged.clear()
        assert all(moses.sample(50, ceiling=ceiling))
        draws[ceiling] = sum(judged)
    assert draws[None] == draws[3.0], "as the model was trained"
    assert 50 < draws[1.2] < 0.8 * draws[3.0]


def test_a_ceiling_needs_a_critic_and_a_number():
    with pytest.raises(ConfigError, match=r"^ceiling: this model has no critic that rejects samples; leave it out\.$"):
        MolGAN(Config.load("default", ["steps=0", "pretrain.steps=1"])).fit(SMILES, quiet=True).sample(2, ceiling=2.0)
    with pytest.raises(ConfigError, match=r"^ceiling must be a number of at least 1; got 0\.5\.$"):
        MolGAN.load("moses").sample(2, ceiling=0.5)


def test_sites_may_be_optional(gan):
    texts = gan.sample(150, fragments="[1*]c1ccc([2*])cc1", optional=[2], raw=True)
    both, one = Fragments.parse("[1*]c1ccc([2*])cc1"), Fragments.parse("[1*]c1ccccc1")
    assert {both.in_molecule(text) for text in texts} == {True, False}
    assert all(both.in_molecule(text) or one.in_molecule(text) for text in texts)


def test_repeats_are_drawn_again(gan):
    request = {"fragments": "[*]c1ccccc1", "added": (1, 2)}
    plain = gan.sample(60, seed=4, **request)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        distinct = gan.sample(60, seed=4, distinct=True, **request)
    assert len(set(plain)) < len(set(distinct))
    kept = [one for place, one in enumerate(plain) if one not in plain[:place]]
    assert set(kept) <= set(distinct), "what is the first of its kind stays"
    left = [int(str(note.message).split()[0]) for note in notes]
    assert sum(left) == 60 - len(set(distinct))


def test_required_and_forbidden_substructures(gan):
    oxygen, bromine = Chem.MolFromSmarts("[#8]"), Chem.MolFromSmarts("Br")
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        drawn = gan.sample(30, seed=2, require="[#8]", forbid=["Br"])
    [share] = [str(note.message) for note in notes if "draws" in str(note.message)]
    assert re.fullmatch(r"\d+ of \d+ draws \(0\.\d+\) have the substructures as requested\.", share)
    mols = [Chem.MolFromSmiles(text) for text in drawn if text is not None]
    assert len(mols) > 5
    assert all(mol.HasSubstructMatch(oxygen) and not mol.HasSubstructMatch(bromine) for mol in mols)


def test_samples_are_valid_where_an_atom_type_has_fixed_hydrogens():
    rows = ["C[SH2]C", "C[PH2](C)C", "CCO", "CC(C)S", "CCP"] * 2
    config = Config.load("conditional", [*FEW, "critic.pretrain=0", "critic.rejections=0", "data.min_atom_share=0"])
    gan = MolGAN(config).fit(rows, condition="logp", quiet=True)
    assert any(atom.hydrogens > 0 for atom in gan.vocabulary.atoms)
    assert None in gan.sample(300, seed=0, raw=True)
    assert None not in gan.sample(300, seed=0)


def test_sites_that_are_linked_close_a_ring(gan):
    request = "[1*]CCCCCCCC[2*]"
    mols = [Chem.MolFromSmiles(text) for text in gan.sample(15, fragments=request, linked=True)]
    assert all(max(map(len, mol.GetRingInfo().AtomRings())) >= 9 for mol in mols)
    with pytest.raises(ConfigError, match="sites that are to be linked have to be marked"):
        gan.sample(1, fragments="CCCC", linked=True)


def test_fragments_are_joined_by_bonds_alone_where_nothing_has_to_be_added(gan):
    request = "[1*]c1ccnc([2*])c1.[*]N1CCOCC1.[*]C1CC1"
    read = Fragments.parse(request)
    drawn = gan.sample(200, seed=2, fragments=request, added=(0, 0))
    assert all(read.in_molecule(text) for text in drawn)
    shares = pd.Series(drawn).value_counts(normalize=True)
    assert len(shares) == 2  # which ring is at which site
    assert shares.min() > 0.38  # four standard deviations below a half
    some = gan.sample(40, seed=2, fragments=request, added=(0, 3))
    added = [Chem.MolFromSmiles(text).GetNumAtoms() - len(read.atoms) for text in some]
    assert set(added) <= {0, 1, 2, 3}
    assert len(set(added)) > 1
    assert all(read.in_molecule(text) for text in some)
    assert gan.sample(7, seed=2, fragments=request, added=(0, 3)) == some[:7]
    assert min(Chem.MolFromSmiles(text).GetNumAtoms() for text in gan.sample(40, fragments=request)) > len(read.atoms)


def test_no_atom_or_as_many_as_the_sites_need(gan):
    request = Fragments.parse("C1(*)(*)CCC1.[*]C.[*]O")  # bonds alone make one; else it needs two new atoms
    drawn = gan.sample_each([request, "[*]c1ccccc1"], 30, added=(0, 2))
    sizes = {Chem.MolFromSmiles(text).GetNumAtoms() for text in drawn["smiles"][:30]}
    assert sizes <= {6, 8}
    assert all(request.in_molecule(text) for text in drawn["smiles"][:30])
    assert min(Chem.MolFromSmiles(text).GetNumAtoms() for text in drawn["smiles"][30:]) >= 7
    assert gan.sample(3, fragments="[*]C1CCC*C1.[*]C", added=(0, 0)) != [None] * 3  # an atom of any type is drawn


def test_several_requests_at_once(gan):
    requests = ["[*]c1ccccc1", Fragments.parse("[*]C1CC1"), "[*]C(=O)O.[*]c1ccncc1"]
    made = gan.sample_each(requests, 4, seed=3)
    assert list(made.columns) == ["request", "smiles"]
    assert made["request"].tolist() == [text for text in ("[*]c1ccccc1", "[*]C1CC1", requests[2]) for _ in range(4)]
    assert all(Fragments.parse(row.request).in_molecule(row.smiles) for row in made.itertuples())


@pytest.mark.parametrize(
    ("requested", "message"),
    [
        ({"fragments": "[*]C1CC("}, "fragments .*: not a SMILES"),
        ({"fragments": "[*]B(O)O"}, "has B, which the model does not know"),
        ({"fragments": "[*]" + "C" * 60}, "needs 61 heavy atoms or more, the model holds"),
        ({"fragments": "[*]CC", "size": (1, 2)}, "needs 3 heavy atoms or more, and 2 are allowed"),
        ({"fragments": "[1*]CC", "optional": [2]}, "optional 2: no request has a site of this number"),
        (
            {"fragments": "[*]CC.[*]CC.[*]CC", "added": (0, 0)},
            "cannot be joined by bonds between its sites alone: it ne",
        ),
        (
            {"fragments": "[*]CC.[*]O", "added": (0, 0), "size": (9, 9)},
            "the request needs 9 heavy atoms or more, and 3 are",
        ),
        ({"fragments": "[*]C1CC1", "added": (0, 0)}, "needs 4 heavy atoms or more, and 3 are allowed"),
        ({"fragments": "CC", "added": (-1, 4)}, "added .*: give the least and the most heavy atoms"),
        ({"fragments": "CC", "size": (0, 4)}, "size .*: give the least and the most heavy atoms"),
        ({"fragments": "CC", "size": (9, 4)}, "give the least and the most heavy atoms"),
        ({"require": "C1CC("}, "require 'C1CC\\(': is no SMARTS"),
        ({"scaffold": "CC", "fragments": Fragments.parse("CN")}, "give it as one of the fragments"),
    ],
)
def test_what_cannot_be_met_is_refused_in_a_sentence(gan, requested, message):
    with pytest.raises(ConfigError, match=message):
        gan.sample(3, **requested)


def test_a_model_that_never_saw_fragments_refuses_them():
    with pytest.raises(ConfigError, match="trained without"):
        MolGAN.load("qm9").sample(2, fragments="[*]CC")
    with pytest.raises(TypeError, match="no argument 'fragment'"):
        MolGAN.load("qm9").sample(2, fragment="[*]CC")


def test_command_line_writes_molecules_of_each_request(command_line, folder, tmp_path):
    call = command_line("molgan", molgan.__main__.main)
    (tmp_path / "requests.smi").write_text("[*]c1ccccc1\n[*]B(O)O\n[*]C1CC1\nC1CC(\n")
    code, _, err = call("generate", folder, "--fragments", "requests.smi", "-n", 3, "--out", "new.csv")
    assert code == 0
    assert "2 of 4 requests are left out: row 2: [*]B(O)O: the request has B" in err
    assert "row 4: C1CC(: not a SMILES" in err
    made = pd.read_csv("new.csv")
    assert made["request"].tolist() == ["[*]c1ccccc1"] * 3 + ["[*]C1CC1"] * 3
    assert all(Fragments.parse(row.request).in_molecule(row.smiles) for row in made.itertuples())
    code, out, _ = call("generate", folder, "--fragments", "[*]C1CC1.[*]CC", "-n", 2, "--added", 0, 0, "--quiet")
    assert (code, out.split()) == (0, ["CCC1CC1"] * 2)
    code, out, _ = call("generate", folder, "--fragments", "[*]C1CC1", "-n", 4, "--quiet")
    assert code == 0
    assert len(out.split()) == 4
    assert all(Fragments.parse("[*]C1CC1").in_molecule(text) for text in out.split())


def test_command_line_writes_stereoisomers(command_line, folder):
    call = command_line("molgan", molgan.__main__.main)
    request = "[*]N1CCC[C@H]1C(=O)O"
    code, out, _ = call("generate", folder, "--fragments", request, "-n", 6, "--isomers", 2, "--quiet")
    _, plain, _ = call("generate", folder, "--fragments", request, "-n", 6, "--quiet")
    assert code == 0
    assert 6 <= len(out.split()) <= 12
    assert all(Fragments.parse(request).in_molecule(text) for text in out.split())
    flat = {Chem.MolToSmiles(Chem.MolFromSmiles(text), isomericSmiles=False) for text in out.split()}
    assert flat == {Chem.MolToSmiles(Chem.MolFromSmiles(text), isomericSmiles=False) for text in plain.split()}


def test_command_line_refuses_in_one_sentence(command_line, folder):
    call = command_line("molgan", molgan.__main__.main)
    code, out, err = call("generate", folder, "--fragments", "[*]B(O)O", "-n", 2)
    assert (code, out) == (1, "")
    assert "no request can be met ([*]B(O)O: the request has B, which the model does not know)" in err
    code, _, err = call("generate", folder, "--require", "C1CC(", "-n", 2)
    assert code == 2
    assert "is no SMARTS" in err
