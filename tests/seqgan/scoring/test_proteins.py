import importlib.util
import math

import numpy as np
import pytest

from gancore.errors import ConfigError
from seqgan import Config, SeqGAN
from seqgan.data.peptides import HYDROPHOBIC, LONGEST, POLAR, SHORTEST, amphipathic
from seqgan.metrics import identity
from seqgan.metrics.evaluation import evaluate
from seqgan.metrics.identity import nearest_identity
from seqgan.scoring import properties
from seqgan.scoring.properties import EISENBERG, hydrophobic_moment, measure
from seqgan.scoring.proteins import ProteinScore, read_definition
from seqgan.text.proteins import RESIDUES

biopython = pytest.mark.skipif(importlib.util.find_spec("Bio") is None, reason="Biopython is not installed")
rapidfuzz = pytest.mark.skipif(importlib.util.find_spec("rapidfuzz") is None, reason="RapidFuzz is not installed")
LONG = (
    "MAEGEITTFTALTEKFNLPPGNYKKPKLLYCSNGGHFLRILPDGTVDGTRDRSDQHIQLQLSAESVGEVYIKSTETGQYLAMDTDGLLYGSQTPNEECLFLERLEENHYNTY"
    "ISKKHAEKNWFVGLKKNGSCKRGPRTHYGQKAILFLPLPVSSD"
)
SOME = [LONG, "GIGKFLHSAKKFGKAFVGEIMNS", "K", RESIDUES, "DDEE", *amphipathic(5, seed=3)]


@biopython
def test_the_properties_are_biopythons():
    from Bio.SeqUtils.ProtParam import ProteinAnalysis

    names = ["charge", "instability", "isoelectric_point", "gravy", "weight", "aromaticity", "length"]
    found = measure([text.lower() + "*" for text in SOME], names)
    for row, text in zip(found, SOME, strict=True):
        one = ProteinAnalysis(text)
        expected = [one.charge_at_pH(7.0), one.instability_index(), one.isoelectric_point(), one.gravy()]
        expected += [one.molecular_weight(), one.aromaticity(), len(text)]
        np.testing.assert_allclose(row, expected, rtol=1e-12)


@biopython
def test_values_that_are_known_without_it():
    glycine = measure(["G"], ["weight", "gravy", "aromaticity"])[0]
    np.testing.assert_allclose(glycine, [75.067, -0.4, 0.0], atol=1e-3)
    assert measure(["FWYA"], ["aromaticity"]).item() == 0.75
    charges = measure(["KKKK", "DDDD", "GGGG"], ["charge"])[:, 0]
    assert charges[0] == pytest.approx(4, abs=0.3)
    assert charges[1] == pytest.approx(-4, abs=0.3)
    assert abs(charges[2]) < 0.3
    basic, acid = measure(["KKKK", "DDDD"], ["isoelectric_point"])[:, 0]
    assert acid == pytest.approx(4.05, abs=0.01), "where Biopython's search ends"
    assert 10 < basic <= 12


@biopython
def test_the_scale_is_eisenbergs():
    from Bio.SeqUtils.ProtParamData import gravy_scales

    assert gravy_scales["Eisenberg"] == EISENBERG


def test_the_hydrophobic_moment_by_hand():
    assert set(EISENBERG) == set(RESIDUES)
    assert hydrophobic_moment("k") == pytest.approx(1.5)
    assert hydrophobic_moment("LL") == pytest.approx(1.06 * math.cos(math.radians(50)))
    assert hydrophobic_moment("L" * 18, window=18) == pytest.approx(0)  # five whole turns
    assert hydrophobic_moment("LK" * 5, angle=180.0) == pytest.approx((1.06 + 1.5) / 2)
    # what the R package Peptides prints for this one (Osorio et al. 2015)
    assert hydrophobic_moment("FLPVLAGLTPSIVPKLVCLLTKKC") == pytest.approx(0.5199226, abs=1e-7)
    assert hydrophobic_moment("FLPVLAGLTPSIVPKLVCLLTKKC", angle=160.0) == pytest.approx(0.2705906, abs=1e-7)
    with pytest.raises(ConfigError, match="has X, any amino acid"):
        hydrophobic_moment("LX")


def test_what_is_no_sequence_has_no_number():
    found = measure(["KLX", "", None, "KL"], ["length", "hydrophobic_moment"])
    assert np.isnan(found[:3]).all()
    assert not np.isnan(found[3]).any()
    assert measure([], ["length"]).shape == (0, 1)


def test_a_score_by_hand():
    score = ProteinScore("length=3:5, hydrophobic_moment=:1")
    # K alone: moment 1.5, half a unit above with width 0.1; length 1, two below with width 2
    outside = math.exp(-0.5 * (2 / 2) ** 2) * math.exp(-0.5 * (0.5 / 0.1) ** 2)
    np.testing.assert_allclose(score(["K"]), [math.sqrt(outside)])
    np.testing.assert_allclose(score(["GGG", "GX", None]), [1.0, np.nan, np.nan])
    table = score.frame(["GGG", "GX"])
    assert table["reason"].tolist() == ["", "has X, any amino acid"]
    assert table.loc[0, ["length", "length.desirability", "score"]].tolist() == [3, 1, 1]
    assert "length (residues): 1 in the range 3 to 5" in str(score)


def test_a_score_from_toml(tmp_path):
    path = tmp_path / "score.toml"
    path.write_text(
        '[score]\naggregate = "arithmetic"\n'
        '[[score.components]]\nproperty = "length"\n'
        'desirability = { shape = "maximize", low = 0, high = 10 }\nweight = 3\n'
        '[[score.components]]\nproperty = "hydrophobic_moment"\n'
        'desirability = { shape = "step", midpoint = 1, direction = "rising" }\n'
    )
    np.testing.assert_allclose(ProteinScore(str(path))(["K", "GGGGG"]), [(3 * 0.1 + 1) / 4, 3 * 0.5 / 4])


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ("", "name the properties that count"),
        ("charge", "'charge' is no range"),
        ("length=3", "'length=3' is no range"),
        ("length=a:b", "is no range"),
        ("length=nan:2", "is no range"),
        ("length=:", "needs low, high or both"),
        ("length=5:3", "low 5 must be below high 3"),
        ("beauty=1:2", "no property of proteins is called 'beauty'"),
        ("length=1:2, length=3:4", "length is there twice"),
        (" , ", "there are no components"),
        ("missing.toml", "no such configuration file"),
    ],
)
def test_a_definition_that_cannot_be_used(definition, said):
    with pytest.raises(ConfigError, match=said):
        ProteinScore(definition)


def test_without_biopython_one_sentence(monkeypatch):
    monkeypatch.setattr(properties, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"charge is computed by Biopython, .* pip install 'discretegan\[protein\]'"):
        ProteinScore("charge=4:9")
    assert ProteinScore("hydrophobic_moment=0.5:")(["KLLK"]).shape == (1,)
    assert [one.property for one in read_definition("length=2:").components] == ["length"]


def test_synthetic_peptides_are_cationic_helices():
    peptides = amphipathic(300, seed=1)
    assert peptides[:50] == amphipathic(50, seed=1) != amphipathic(50, seed=2)
    assert amphipathic(0) == []
    assert {len(one) for one in peptides} == set(range(SHORTEST, LONGEST + 1))
    assert set("".join(peptides)) <= set(HYDROPHOBIC) | set(POLAR) <= set(RESIDUES)
    rng = np.random.default_rng(0)
    shuffled = ["".join(rng.permutation(list(one))) for one in peptides]
    ours, theirs = (measure(texts, ["hydrophobic_moment"]).mean() for texts in (peptides, shuffled))
    assert ours > theirs + 0.2, "the pattern makes the moment, not the composition"
    net = np.mean([sum(map(one.count, "KR")) - sum(map(one.count, "DE")) for one in peptides])
    assert 3 < net < 6
    with pytest.raises(ConfigError, match="cannot make -1"):
        amphipathic(-1)


@rapidfuzz
def test_identity_by_hand():
    found = nearest_identity(["AAAA", "aaac*", "KKKK", "AAAAK", ""], ["AAAA", "AAAA", "AACC"])
    np.testing.assert_allclose(found, [1, 0.75, 0, 0.8, 0])
    assert nearest_identity(["AAA"], []).tolist() == [0]
    assert nearest_identity([], ["AAA"]).shape == (0,)
    many = amphipathic(70)
    assert (nearest_identity(many, many) == 1).all()


@rapidfuzz
def test_identity_is_in_the_evaluation():
    texts, train = ["AAAAA", "AAAAA", "KKKKK", "AAKKK"], ["AAAAA", "AAAKK"]
    figures = evaluate(texts, train * 2, train, "protein")
    assert figures["identity"].value == pytest.approx((1 + 0.4 + 0.8) / 3)
    assert figures["novel-80"].value == pytest.approx(1 / 3)
    assert "identity" not in evaluate(texts, train * 2, train, "char").to_frame().index


def test_without_rapidfuzz_a_note(monkeypatch):
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    figures = evaluate(["AAAAA", "KKKKK"] * 2, ["AAAAA", "AAAKK"] * 2, ["AAAAA"], "protein")
    assert "discretegan[protein]" in " ".join(figures.notes)
    with pytest.raises(ConfigError, match="RapidFuzz is missing"):
        nearest_identity(["A"], ["A"])


def test_a_reward_moves_what_it_scores():
    peptides = amphipathic(200)
    first = ["recipe=mle", "likelihood.epochs=4", "data.tokens=protein", "model.width=32", "model.embedding=16"]
    before = SeqGAN(Config.load("small", first)).fit(peptides, quiet=True)
    tune = ["likelihood.epochs=0", "steps=40", "lr=5e-3", "reward.weight=1", "critic.pretrain=0", *first[2:]]
    tune += ["reward.function=seqgan.scoring:ProteinScore", "reward.argument=length=4:8", "policy.likelihood=0"]
    after = SeqGAN(Config.load("small", tune)).fit(peptides, start=before, quiet=True)
    lengths = [np.mean([len(one) for one in gan.sample(200)]) for gan in (before, after)]
    assert lengths[1] < lengths[0] - 2
