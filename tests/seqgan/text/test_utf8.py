"""Draws of byte pairs are text; what is no text is rejected with a reason."""

import numpy as np
import pytest
import torch

from gancore.errors import ConfigError, DataError
from seqgan.data.corpus import Corpus
from seqgan.data.settings import DataConfig
from seqgan.gan import SeqGAN
from seqgan.metrics.evaluation import evaluate
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.decoding import Decoding, sample
from seqgan.networks.generator import Generator, at_rest
from seqgan.text.utf8 import automaton
from seqgan.text.vocabulary import END, TokenError, Vocabulary

MANY = ["日本語の文", "naïve café", "🐕 ran", "ไทย", "plain words", "漢字 é 🐈"]
KINDS = ["word", "char", "bpe", "smiles", "selfies"]


def begins_text(data: bytes) -> bool:
    """Whether some bytes may follow so that all is UTF-8: what is wrong is the end of the data alone."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def test_the_automaton_allows_what_pythons_decoder_does():
    """Every byte after the first and last beginning of a character that leads to each state."""
    rule = automaton([b"", *(bytes([byte]) for byte in range(256))], end=0)
    beginnings = {b"": 0}
    for _ in range(3):
        for data, state in list(beginnings.items()):
            for byte in range(256):
                allowed, following = rule.allowed[state, byte + 1], int(rule.following[state, byte + 1])
                assert bool(allowed) == begins_text(data + bytes([byte])), data
                if following and (following not in beginnings.values() or byte in (0x80, 0xBF, 0xC2, 0xDF, 0xF3)):
                    beginnings[data + bytes([byte])] = following
    assert set(beginnings.values()) == set(range(8))
    assert rule.left.tolist() == [0, 1, 2, 3, 2, 2, 3, 3]
    assert rule.allowed[:, 0].tolist() == [True] + [False] * 7


def test_tokens_of_several_bytes_may_bridge_characters():
    tokens = [b"", b"a\xc3", b"\xa9b", b"\xa9\xe6", b"\xc3\xc3", b"\xed\xa0", b"\x80", b"\xbc\xa2"]
    rule = automaton(tokens, end=0)
    rng = np.random.default_rng(0)
    for _ in range(300):
        state, data = 0, b""
        for token in rng.integers(1, len(tokens), 4):
            assert bool(rule.allowed[state, token]) == begins_text(data + tokens[token])
            if not rule.allowed[state, token]:
                break
            data, state = data + tokens[token], int(rule.following[state, token])
    assert rule.closed(0)[0].tolist() == [False, *[True] * 7], "only the end leaves nothing open"
    assert not rule.closed(1)[0, 1]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("settings", [{}, {"top_k": 3}, {"nucleus": 0.3}, {"min_length": 1, "temperature": 3.0}])
def test_draws_of_an_untrained_network_are_text(length, settings):
    vocabulary = Vocabulary.of(MANY, "bpe", max_size=300)
    torch.manual_seed(length)
    generator = Generator(vocabulary.alphabet, GeneratorConfig(embedding=8, width=8), 9)
    with at_rest(generator):
        free = sample(generator, 300, length, decoding=Decoding(unknown=False, **settings))
        held = sample(generator, 300, length, decoding=Decoding(unknown=False, **settings), rule=vocabulary.rule)
    assert any("\ufffd" in vocabulary.decode(row) for row in free.tolist())
    spelt = {place: vocabulary.tokens[place] for place in range(4, len(vocabulary))}
    for row in held.tolist():
        ids = row[: row.index(END)] if END in row else [token for token in row if token in spelt]
        text = vocabulary.decode(row)
        assert "\ufffd" not in text
        assert len(text.encode()) == sum(len(spelt[token]) for token in ids), "no byte is lost"


def test_other_kinds_have_no_rule_and_their_draws_stay():
    for kind in ("word", "char", "smiles"):
        assert Vocabulary.of(["CCO", "CN"], kind).rule is None


def test_a_trained_model_speaks_text(small_text_config):
    config = small_text_config.as_recipe("mle", data=DataConfig("bpe", max_size=300))
    gan = SeqGAN(config).fit([f"{line} {place}" for line in MANY for place in range(5)], quiet=True)
    longest = gan._trained.length - 1
    for most in (None, 1, 2, longest):
        texts = gan.sample(200, max_length=most)
        assert not any("\ufffd" in text for text in texts)
        assert all(text.encode().decode() == text for text in texts)
    assert all(text.startswith("漢") for text in gan.sample(20, prefix="漢"))
    assert {"Ġ"} <= set("".join(gan._words.tokens)), "byte-level tokens"


def test_the_sign_for_what_could_not_be_decoded_is_text_where_a_string_has_it():
    lines = ["a \ufffd b", "b a", "a b \ufffd"]
    for kind in ("word", "char", "bpe"):
        corpus = Corpus.of(lines, DataConfig(kind, valid=0.0, test=0.0))
        assert not corpus.rejected
        assert [corpus.vocabulary.decode(row) for row in corpus.train.tolist()] == lines


@pytest.mark.parametrize("kind", KINDS)
def test_half_a_character_is_rejected_with_a_reason(kind, small_text_config, tmp_path):
    good = ["CCO", "CCN", "CCC", "C1CC1", "CC=O"] * 4
    lines = [*good[:7], "C\udc9fC", *good[7:], "\ud83d"]
    config = small_text_config.as_recipe("mle", data=DataConfig(kind))
    gan = SeqGAN(config).fit(lines, out=tmp_path / "run", quiet=True)
    told = [(one.row, one.reason) for one in gan.corpus.rejected]
    assert told == [(row, "a lone surrogate, which is no character") for row in (8, len(lines))]
    assert r"C\udc9fC" in (tmp_path / "run" / "rejected.csv").read_text(encoding="utf-8")
    with pytest.raises(TokenError, match="lone surrogate"):
        gan.vocabulary.encode("\udcff")
    with pytest.raises(ConfigError, match=r"prefix '\\udcff': a lone surrogate"):
        gan.sample(1, prefix="\udcff")
    figures = evaluate([*good, "\ud800"], good, tokens=gan.vocabulary)
    assert f"1 of the 21 texts cannot be split into tokens of kind {kind}; they count as empty." in figures.notes
    with pytest.raises(DataError, match="none of the 4 texts"):
        evaluate(["\ud800"] * 4, good, tokens=gan.vocabulary)
