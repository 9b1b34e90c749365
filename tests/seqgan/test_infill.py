"""Gaps in lines are filled: what is given stays, what is refused, on the command line too; attention."""

import re

import pandas as pd
import pytest
import torch

import seqgan.__main__
from gancore.errors import ConfigError, DataError
from seqgan import Config, SeqGAN
from seqgan.data.gaps import GAP
from seqgan.networks.beam import beam_search
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.filling import Filling
from seqgan.text.alphabet import Alphabet

FEW = ["likelihood.epochs=1", "steps=2", "critic.pretrain=2", "model.width=32", "model.embedding=32", "device=cpu"]
FEW += ["likelihood.batch=16", "batch=8", "policy.draws=2", "data.valid=0", "data.test=0"]
LONG = ["likelihood.epochs=60", "likelihood.lr=0.01", "model.dropout=0", "model.embedding_dropout=0"]
NUMBERS = ["one", "two", "six", "ten"]
LINES = [f"{first} and {other} are {first} {other}" for first in NUMBERS for other in NUMBERS]
GAPPED = ["one and ___ are one two", "___ and six ___", "ten ___ ten ___ six", "___", "one and two are one ___"]


@pytest.fixture(scope="module")
def gan():
    return SeqGAN(Config.load("maskgan", FEW)).fit(LINES * 4, quiet=True)


@pytest.fixture(scope="module")
def folder(gan, tmp_path_factory):
    place = tmp_path_factory.mktemp("infill")
    gan.save_pretrained(place / "gaps")
    plain = ["recipe=mle", "likelihood.epochs=1", "model.width=8", "device=cpu"]
    SeqGAN(Config.load("small", plain)).fit(LINES, out=place / "plain", quiet=True)
    return place


@pytest.fixture
def run(command_line, tmp_path, folder):
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    return command_line("seqgan", seqgan.__main__.main)


def kept(line, text):
    return re.fullmatch(r"\S+(?: \S+)*".join(map(re.escape, line.split(GAP))), text) is not None


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_what_is_given_stays_and_every_gap_has_a_word(gan, temperature):
    table = gan.infill(GAPPED, n=3, temperature=temperature)
    assert list(table) == ["row", "line", "rank", "text", "log_prob", "reason"]
    assert table["row"].tolist() == [row for row in range(1, 6) for _ in range(3)]
    assert all(kept(line, text) for line, text in zip(table["line"], table["text"], strict=True))
    assert bool((table["log_prob"] < 0).all())
    if not temperature:
        assert not table.duplicated(["row", "text"]).any()
        assert all(group["log_prob"].is_monotonic_decreasing for _, group in table.groupby("row"))


def test_it_learns_what_the_right_side_says():
    """What fills the first gap stands behind it; a model that does not read it is right in one line of four."""
    lines = [f"{number} is {number}" for number in NUMBERS]
    own = SeqGAN(Config.load("maskgan", [*FEW, *LONG, "hide_source=0"])).fit(lines * 8, quiet=True)
    made = own.infill([f"___ is {number}" for number in NUMBERS])["text"].tolist()
    assert sum(text == line for text, line in zip(made, lines, strict=True)) >= 3


def test_the_figures_are_those_of_the_likelihood(gan):
    """The log-probability of a filling is that of the target, given the line with its gap."""
    table = gan.infill("one and ___ are one two", n=4, temperature=3.0)
    words, mark = gan.vocabulary, gan.recipe.gap
    source = torch.tensor([[*words.encode("one and"), mark, *words.encode("are one two"), 2]])
    for text, log_prob in zip(table["text"], table["log_prob"], strict=True):
        filling = [*words.encode(text)[2:-3], mark]
        target = torch.tensor([[*source[0, :3].tolist(), *filling, *source[0, 3:].tolist()]])
        each = gan.recipe.averaged.average.eval().log_prob(target, source)[0]
        assert float(each[3 : 3 + len(filling)].sum()) == pytest.approx(log_prob, abs=1e-4)


def test_a_whole_line_is_what_fills_nothing_but_a_gap(gan):
    line = gan.vocabulary.encode(LINES[1])
    mark, whole = gan.recipe.gap, torch.tensor([[*line, 2]])
    pair = torch.tensor([[mark, *line, mark, 2]]), torch.tensor([[mark, 2]])
    assert float(gan.recipe.log_prob((whole,))) == pytest.approx(float(gan.recipe.log_prob(pair)), abs=1e-5)
    assert float(gan.recipe.critic_score((whole,))) == pytest.approx(float(gan.recipe.critic_score(pair)), abs=1e-5)


def test_a_line_is_drawn_from_nothing_but_a_gap(gan):
    lines = gan.sample(50, seed=0)
    assert not any(GAP in line for line in lines)
    assert all(len(line.split()) >= 5 for line in gan.sample(20, min_length=5))
    assert all(line.startswith("one and") for line in gan.sample(5, prefix="one and"))


def test_a_saved_model_fills_alike(gan, folder):
    again = SeqGAN.load(folder / "gaps", "cpu")
    pd.testing.assert_frame_equal(again.infill(GAPPED), gan.infill(GAPPED))


def test_conditions_are_asked_of_what_fills(gan):
    rows = pd.DataFrame({"text": LINES, "label": ["a", "b"] * 8})
    own = SeqGAN(Config.load("maskgan", FEW)).fit(rows, condition="label:class", quiet=True)
    asked = own.infill(GAPPED[:2], condition={"label": ["a", "b"]}, guidance=2.0)
    assert all(kept(line, text) for line, text in zip(asked["line"], asked["text"], strict=True))
    with pytest.raises(ConfigError, match="was trained without conditions"):
        gan.infill(GAPPED, condition={"label": "a"})


def test_each_line_that_cannot_be_filled_has_its_reason(gan):
    lines = ["one and two", "", None, "one ___ zebra", "one ___ ___", "___ one ___ and ___ are ___", "___" + " one" * 9]
    assert gan.infill(lines)["reason"].tolist() == [
        "has no gap; write ___ where something is missing",
        "is empty",
        "is empty",
        "has 'zebra', which the model does not know",
        "has two gaps side by side; write one, which may hold more than one token",
        "has 4 gaps, and the model fills at most 3",
        "has 9 tokens, and the model reads at most 6",
    ]
    with pytest.raises(DataError, match="there are no lines with gaps"):
        gan.infill([])


def test_the_command_line(run):
    line = "one and ___ are one two"
    code, out, _ = run("generate", "gaps", "--infill", line, "--infill", "ten ___ ten", "-n", 2)
    assert code == 0
    asked = [line, line, "ten ___ ten", "ten ___ ten"]
    assert all(kept(own, text) for own, text in zip(asked, out.splitlines(), strict=True))
    first = run("generate", "gaps", "--infill", line)[1]
    assert first.splitlines() == out.splitlines()[:1]
    drawn = [run("generate", "gaps", "--infill", "___", "--temperature", 1, "--seed", seed)[1] for seed in range(4)]
    assert len(set(drawn)) > 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("gaps", "--infill", "one and two"), "--infill 'one and two': it has no gap; write ___ where something is"),
        (("gaps", "--infill", " "), "--infill ' ': it is empty."),
        (("gaps", "--infill", "one ___ zebra"), "--infill 'one ___ zebra': it has 'zebra', which the model does not"),
        (("plain", "--infill", "one ___"), "infill: recipe mle fills no gaps; train a model with recipe maskgan."),
        (("plain", "--prefix", "one ___"), "prefix 'one ___': '___' is not in the vocabulary."),
        (("gaps", "--infill", "one ___", "--prefix", "one"), "--infill: --prefix has no effect on what fills gaps;"),
    ],
)
def test_each_mistake_is_one_sentence(run, arguments, told):
    code, out, err = run("generate", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"seqgan: {told}")
    assert err.count("\n") == 1


class Fixed:
    """A stepper whose tokens have the same probabilities at every step."""

    def __init__(self, alphabet, likely):
        self.alphabet = alphabet
        self.logits = torch.full((alphabet.size,), -9.0)
        for token, logit in likely.items():
            self.logits[token] = logit

    def start(self, n, context=None):
        return (torch.zeros(n, 1),)

    def step(self, tokens, state):
        return state[0], state

    def read(self, features):
        return self.logits.expand(len(features), -1)


ALPHABET = Alphabet(size=10, begin=1, end=2, pad=0)
SOURCES = torch.tensor([[5, 9, 6, 9, 2], [9, 2, 0, 0, 0]])


def test_what_is_given_is_written_and_each_gap_has_a_token():
    """The mark is likeliest and the end next: both have to wait."""
    stepper = Filling(Fixed(ALPHABET, {9: 9.0, 2: 5.0, 4: 3.0}), SOURCES, 9, 12)
    ids, scores = beam_search(stepper, 2, 1, 12)
    assert ids[0, 0].tolist() == [5, 9, 4, 9, 6, 9, 4, 9, 2, 0, 0, 0]
    assert ids[1, 0].tolist() == [9, 4, 9, 2, *[0] * 8]
    logits = stepper.stepper.logits.clone()
    logits[2] = -torch.inf
    mark = float(logits.log_softmax(0)[9])
    logits[9] = -torch.inf
    token = float(logits.log_softmax(0)[4])
    assert scores[:, 0].tolist() == pytest.approx([2 * (mark + token), mark + token], abs=1e-4)


def test_a_gap_closes_where_there_is_no_more_room():
    """The mark is never likely: a gap takes all room but what the rest needs."""
    stepper = Filling(Fixed(ALPHABET, {9: -50.0, 4: 3.0}), SOURCES, 9, 12)
    ids = sample(stepper, 2, 12, torch.Generator().manual_seed(0), Decoding(0.01))
    assert ids[0].tolist() == [5, 9, 4, 4, 4, 4, 9, 6, 9, 4, 9, 2]
    assert ids[1].tolist() == [9, *[4] * 9, 9, 2]


def test_attention_is_a_share_of_each_word_of_the_source(gan):
    pairs = [(line, " ".join(reversed(line.split()))) for line in LINES]
    own = SeqGAN(Config.load("pix2pix", FEW)).fit(pairs, quiet=True)
    table = own.attention("one and two are one two", "two one are")
    assert table.index.tolist() == ["two", "one", "are", "<end>"]
    assert table.columns.tolist() == ["one", "and", "two", "are", "one", "two", "<end>"]
    assert table.sum(axis=1).tolist() == pytest.approx([1.0] * 4, abs=1e-5)
    assert bool((table.to_numpy() > 0).all())
    with pytest.raises(ConfigError, match="source 'zebra': it has 'zebra', which the model does not know"):
        own.attention("zebra", "one")
    with pytest.raises(ConfigError, match="attention: recipe maskgan has no translate"):
        gan.attention("one", "two")


def test_attention_is_what_the_decoder_reads(gan):
    """Weights times values, through the heads, are what `attend` gives."""
    network = gan.recipe.averaged.average.eval()
    body, ids = network.body, torch.tensor([gan.vocabulary.encode("one and two")])
    with torch.no_grad():
        memory = body.encode(network.embedding(ids), torch.ones_like(ids, dtype=torch.bool))
        one = memory._replace(values=torch.eye(3, 8)[None, None].expand(1, body.heads, 3, 8))
        states = body.first(network.embedding(ids), memory.start[None].contiguous())[0]
        expected = body.attend(states, one).unflatten(2, (body.heads, 8)).mean(2)[..., :3]
        assert torch.allclose(body.attention(network.embedding(ids), memory), expected, atol=1e-6)
