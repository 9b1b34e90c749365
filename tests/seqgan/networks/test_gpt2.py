import sys

import pytest
import torch

from gancore.errors import ConfigError
from seqgan import Config, SeqGAN
from seqgan.__main__ import main
from seqgan.data.peptides import amphipathic
from seqgan.networks import gpt2
from seqgan.networks.generator import at_rest
from seqgan.networks.gpt2 import to_tokenizer, to_transformers
from seqgan.text.vocabulary import BEGIN, END, PAD, UNKNOWN, Vocabulary

transformers = pytest.importorskip("transformers")
LINES = ["the cat sat", "the dog ran", "a cat ran", "a bird sang", "the bird sat", "a dog sat"]
FEW = ["recipe=mle", "likelihood.epochs=3", "model.width=16", "model.embedding=8", "model.heads=2", "model.layers=2"]


@pytest.fixture(scope="module")
def gan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gpt2") / "run"
    return SeqGAN(Config.load("small", [*FEW, "model.kind=gpt2"])).fit(LINES * 10, out=folder, quiet=True)


def test_it_learns_and_is_loaded_again(gan, tmp_path):
    gan.save_pretrained(tmp_path / "shared")
    again = SeqGAN.load(tmp_path / "shared")
    assert again.sample(10, seed=1) == gan.sample(10, seed=1)
    generator = gan.recipe.averaged.average
    assert (generator.head.bias == 0).all(), "a model of transformers has none"


def test_the_exported_model_has_the_same_logits(gan):
    generator, model = gan.recipe.averaged.average, to_transformers(gan.recipe.averaged.average)
    ids = torch.randint(UNKNOWN, generator.alphabet.size, (5, gan.recipe.space.length))
    with at_rest(generator):
        ours = generator.logits(ids)
    with torch.no_grad():
        theirs = model(torch.cat((torch.full((5, 1), BEGIN), ids[:, :-1]), 1)).logits
    opened = [token for token in range(generator.alphabet.size) if token not in (PAD, BEGIN)]
    torch.testing.assert_close(theirs[..., opened], ours[..., opened])
    assert sorted(model.generation_config.suppress_tokens) == [PAD, BEGIN, UNKNOWN]


@pytest.mark.filterwarnings("ignore")
def test_transformers_reads_it_and_draws_texts(gan, tmp_path):
    assert gan.save_transformers(tmp_path / "hf") is True
    model = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    weights = to_transformers(gan.recipe.averaged.average).state_dict()
    assert all(torch.equal(part, weights[name]) for name, part in model.state_dict().items())
    assert tokenizer("the cat sat").input_ids == [BEGIN, *gan.vocabulary.encode("the cat sat")]
    torch.manual_seed(0)
    drawn = model.generate(torch.full((20, 1), BEGIN), pad_token_id=PAD)
    assert not {PAD, UNKNOWN} & {
        token for row in drawn.tolist() for token in row[: row.index(END) if END in row else None]
    }
    texts = tokenizer.batch_decode(drawn, skip_special_tokens=True)
    words = {word for line in LINES for word in line.split()}
    assert set(" ".join(texts).split()) <= words
    assert any(texts)


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("word", LINES),
        ("char", ["a b\nc", "é"]),
        ("protein", amphipathic(3)),
        ("smiles", ["C(Cl)Br", "[NH4+]"]),
        ("bpe", LINES),
    ],
)
def test_the_tokenizer_has_the_ids_of_the_vocabulary(kind, lines):
    vocabulary = Vocabulary.of(lines, kind)
    tokenizer = to_tokenizer(vocabulary)
    for line in lines:
        ids = tokenizer.encode(line).ids
        assert ids == [BEGIN, *vocabulary.encode(line)]
        assert tokenizer.decode(ids) == vocabulary.decode(vocabulary.encode(line))
    assert to_tokenizer(Vocabulary.of(["CCO"], "selfies")) is None
    assert to_tokenizer(Vocabulary.of(["<end> of it"], "word")) is None


def test_another_kind_is_refused_in_one_sentence(gan, tmp_path, command_line):
    plain = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"])).fit(
        LINES, out=tmp_path / "r", quiet=True
    )
    with pytest.raises(ConfigError, match=r"only one of model\.kind=gpt2 is"):
        plain.save_transformers(tmp_path / "hf")
    run = command_line("seqgan", main)
    code, _, err = run("export", "r", "--out", "hf", "--transformers")
    assert code != 0
    assert err.startswith("seqgan: the generator is no model of transformers")
    assert not (tmp_path / "hf").exists()


def test_conditions_are_refused(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"text": LINES * 4, "n": range(24)})
    config = Config.load("small", [*FEW, "model.kind=gpt2"])
    conditional = SeqGAN(config).fit(frame, condition=["n"], quiet=True)
    assert len(conditional.sample(3, condition={"n": 3})) == 3
    with pytest.raises(ConfigError, match="has conditions"):
        conditional.save_transformers(tmp_path / "hf")


def test_without_transformers_one_sentence(monkeypatch):
    monkeypatch.setattr(gpt2, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'discretegan\[hf\]'"):
        SeqGAN(Config.load("small", [*FEW, "model.kind=gpt2"])).fit(LINES, quiet=True)
    assert "transformers" in sys.modules
