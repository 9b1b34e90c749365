"""String models with the requests of graph models, in Python and on the command line."""

import pandas as pd
import pytest

import molgan.__main__
from gancore.errors import ConfigError
from gancore.io.notes import Note
from molgan import Fragments, MolGAN, PromptedModel
from seqgan import Config, SeqGAN


@pytest.fixture(scope="module")
def model():
    return PromptedModel.load("smiles-moses", "cpu")


@pytest.mark.parametrize(
    "fragments",
    ["[*]c1ccncc1", "c1ccc2[nH]ccc2c1", ["[*]c1ccccc1", "[*]N1CCOCC1"], "[1*]c1ccc([2*])cn1", "[*]N1CCC[C@H]1C(=O)N"],
)
def test_every_sample_has_its_fragments(model, fragments):
    made = model.sample(15, seed=1, fragments=fragments)
    request = Fragments.parse(fragments)
    assert [text for text in made if text is None or not request.in_molecule(text)] == []
    assert len(made.distinct) > 6
    assert made == model.sample(15, seed=1, fragments=fragments)


def test_options_of_requests(model):
    with pytest.warns(Note, match="draws .* have the substructures as requested"):
        made = model.sample(10, scaffold="c1ccncc1", require="[CX4]", forbid=["F", "Cl"], size=(9, 20), distinct=True)
    assert len(set(made)) == 10
    assert not any("F" in text or "Cl" in text for text in made)
    table = model.sample_each(["[*]c1ccncc1", "[2*]C1CC1"], 3, optional=[2])
    assert table["request"].tolist() == ["[*]c1ccncc1"] * 3 + ["[2*]C1CC1"] * 3


@pytest.mark.parametrize(
    ("requested", "told"),
    [
        ({}, "fragments: a string model is prompted with some"),
        ({"fragments": "[*]CI"}, "has 'I', which the model does not know"),
        ({"fragments": "[*]C[N+](C)(C)C"}, "which the model does not know"),
        ({"fragments": "[*]CC", "condition": {"qed": 0.8}}, "condition: a string model cannot do that"),
        ({"fragments": "[*]CC", "guidance": 2.0}, "guidance: a string model"),
        ({"fragments": "[*]CC[*]", "linked": True}, "linked: a string model cannot do that"),
        ({"fragments": "C1CC*CC1[*]"}, "has an atom of any type"),
        ({"fragments": "[*]CC", "require": "c1"}, "is no SMARTS"),
        ({"fragments": "[*]CC", "optional": [3]}, "no request has a site of this number"),
        ({"fragments": "[*]CC", "size": (9, 3)}, "give the least and the most heavy atoms"),
    ],
)
def test_refusals(model, requested, told):
    with pytest.raises(ConfigError, match=told.replace("[", r"\[")):
        model.sample(2, **requested)
    with pytest.raises(TypeError, match="no argument"):
        model.sample(2, fragments="[*]C", prefix="C")


def test_models_of_other_kinds():
    with pytest.raises(ConfigError, match="is no string model"):
        PromptedModel.load("qm9")
    few = ["recipe=mle", "likelihood.epochs=1", "device=cpu"]
    words = SeqGAN(Config.load("small", few)).fit(["the cat sat", "the dog ran", "a cat ran"], quiet=True)
    with pytest.raises(ConfigError, match="which the model does not know"):
        PromptedModel(words).sample(1, fragments="[*]c1ccncc1")


def test_a_model_that_knows_charges_and_stereo(qm9_smiles):
    rows = ["C[NH2+]CC", "C[C@H](F)CO", "CC[N+](C)(C)C", "F/C=C/C", *qm9_smiles[:60]]
    few = ["recipe=mle", "likelihood.epochs=2", "device=cpu", "data.tokens=smiles", "data.valid=0", "data.test=0"]
    trained = SeqGAN(Config.load("small", few)).fit(rows, quiet=True)
    for text in ("[*]C[N+](C)(C)C", "[*][NH2+]CC", "[*][C@H](F)C"):
        request = Fragments.parse(text)
        made = [one for one in PromptedModel(trained).sample(5, fragments=text) if one is not None]
        assert made
        assert all(map(request.in_molecule, made))


@pytest.fixture
def run(command_line):
    return command_line("molgan", molgan.__main__.main)


def test_on_the_command_line(run, tmp_path):
    (tmp_path / "requests.smi").write_text("[*]c1ccncc1\n[*]CI\n[*]C1CC1\n")
    code, _, err = run("generate", "smiles-moses", "-n", 3, "--fragments", "requests.smi", "--out", "new.csv")
    assert code == 0
    assert "row 2: [*]CI: the request has 'I', which the model does not know" in err
    table = pd.read_csv(tmp_path / "new.csv")
    assert table["request"].tolist() == ["[*]c1ccncc1"] * 3 + ["[*]C1CC1"] * 3
    assert all(Fragments.parse(a).in_molecule(b) for a, b in zip(table["request"], table["smiles"], strict=True))
    code, out, _ = run(
        *("generate", "smiles-moses", "-n", 2, "--fragments", "[*]C(C)c1ccncc1", "--isomers", 2, "--added", 3, 9)
    )
    assert code == 0
    assert "@" in out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "smiles-moses: a string model needs --fragments here; without, run seqgan generate smiles-moses."),
        (("--fragments", "[*]CC", "--condition", "qed=0.8"), 2, "condition: a string model cannot do that; take"),
        (("--fragments", "[*]CC[*]", "--linked"), 1, "has sites to be linked, which string models cannot do; take"),
    ],
)
def test_refusals_on_the_command_line(run, words, code, told):
    ended, out, err = run("generate", "smiles-moses", "-n", 2, *words)
    assert (ended, out) == (code, "")
    assert told in err


def test_a_graph_model_is_as_before(run):
    code, out, _ = run("generate", "drug", "-n", 2, "--fragments", "[*]c1ccncc1")
    assert code == 0
    assert out.split() == [*MolGAN.load("drug").sample(2, fragments="[*]c1ccncc1")]
