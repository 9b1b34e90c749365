import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from gancore.errors import ConfigError
from seqgan import Config, SeqGAN, evaluate
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus
from seqgan.data.settings import DataConfig
from seqgan.metrics.evaluation import language_model_scores
from seqgan.text.splitting import Tokens
from seqgan.text.tokenizers import load_tokenizer
from seqgan.text.vocabulary import SPECIAL, UNKNOWN, TokenError, Vocabulary

LINES = corpus(150)


def word_pieces():
    """Like BERT's: lower case, pieces of words, special tokens around every line, padded."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))  # pyright: ignore
    tokenizer.normalizer = normalizers.BertNormalizer()  # pyright: ignore
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # pyright: ignore
    tokenizer.decoder = decoders.WordPiece()  # pyright: ignore
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(
        LINES, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special, show_progress=False)
    )
    tokenizer.enable_padding(length=40)
    tokenizer.enable_truncation(3)
    return tokenizer


def byte_level():
    """Like GPT-2's."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([*LINES, "café 🐦"], trainer)
    return tokenizer


@pytest.fixture(scope="module")
def pieces():
    return word_pieces()


def test_tokens_are_the_tokenizers_without_padding_and_special_ones(pieces):
    plain = Tokenizer.from_str(pieces.to_str())
    plain.no_padding()
    plain.no_truncation()
    vocabulary = Vocabulary.of(LINES, "tokenizer", tokenizer=pieces)
    for line in LINES[:20]:
        expected = plain.encode(line, add_special_tokens=False)
        assert vocabulary.split(line) == expected.tokens
        assert vocabulary.decode(vocabulary.encode(line)) == plain.decode(expected.ids)
    assert set(vocabulary.tokens[4:]) == {token for line in LINES for token in vocabulary.split(line)}
    assert not {"[PAD]", "[CLS]", "[UNK]"} & set(vocabulary.tokens)
    assert pieces.padding is not None, "the one given is as it was"


def test_what_it_does_not_know_is_the_unknown_token(pieces):
    vocabulary = Vocabulary.of([*LINES, "漢"], "tokenizer", tokenizer=pieces)
    assert vocabulary.encode("漢") == [UNKNOWN]
    assert vocabulary.unknown("漢") == "[UNK]"
    few = Vocabulary.of(LINES[:1], "tokenizer", tokenizer=pieces)
    assert UNKNOWN in few.encode(next(line for line in LINES if set(few.split(line)) - set(few.tokens)))
    with pytest.raises(TokenError, match="has no token"):
        vocabulary.encode("\u200b")
    assert len(Vocabulary.of(LINES, "tokenizer", max_size=5, tokenizer=pieces)) == len(SPECIAL) + 5


def test_it_is_saved_with_the_model(pieces, tmp_path):
    pieces.save(str(tmp_path / "tokenizer.json"))
    few = ["recipe=mle", "likelihood.epochs=2", "data.tokens=tokenizer"]
    config = Config.load("small", [*few, f"data.tokenizer={tmp_path}"])
    gan = SeqGAN(config).fit(LINES, out=tmp_path / "run", quiet=True)
    texts = gan.sample(20, seed=0)
    assert not any("##" in text[2:] for text in texts), "text, not pieces"
    (tmp_path / "tokenizer.json").unlink()
    assert SeqGAN.load(tmp_path / "run").sample(20, seed=0) == texts
    figures = evaluate(texts, LINES, LINES, gan.vocabulary)
    assert figures.notes[0] == "Tokens: tokenizer."
    assert gan.sample(1, prefix="the")[0].startswith("the")


def test_byte_level_tokens_are_drawn_as_valid_text_alone():
    config = DataConfig(tokens="tokenizer", tokenizer="given", valid=0.0, test=0.0)
    lines = ["café 🐦", "naïve 🐟 ", "日本語", *LINES[:5]]
    vocabulary = Vocabulary.of(lines, "tokenizer", tokenizer=byte_level())
    assert vocabulary.rule is not None
    assert all(vocabulary.decode(vocabulary.encode(line)) == line for line in lines)
    data = Corpus.of(lines, config, vocabulary=vocabulary)
    gan = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1"])).fit(data, quiet=True)
    assert not any("\ufffd" in text for text in gan.sample(100, temperature=3.0))


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=30))
def test_a_byte_level_tokenizer_keeps_every_text(text):
    vocabulary = BYTES
    if text and not any("\ud800" <= sign <= "\udfff" for sign in text):
        ids = vocabulary.encode(text)
        assert UNKNOWN in ids or vocabulary.decode(ids) == text


BYTES = Vocabulary.of([*LINES, "café", "[PAD] <end>"], "tokenizer", tokenizer=byte_level())


def test_an_object_of_transformers(pieces):
    class Fast:
        backend_tokenizer = pieces

    assert Vocabulary.of(LINES, "tokenizer", tokenizer=Fast()).tokens[4:]
    with pytest.raises(ConfigError, match="cannot be made of object"):
        load_tokenizer(object())
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=pieces, unk_token="[UNK]")
    assert Vocabulary.of(LINES, "tokenizer", tokenizer=fast).split(LINES[0]) == plainly(pieces, LINES[0])


def plainly(pieces, line):
    return load_tokenizer(pieces).encode(line, add_special_tokens=False).tokens


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "cannot be read"), ("{", "is no tokenizer"), ("{}", "is no tokenizer"), (b"\xff\xfe", "cannot be read")],
)
def test_a_file_that_is_no_tokenizer(tmp_path, content, said):
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=said):
        SeqGAN(Config.load("small", ["data.tokens=tokenizer", f"data.tokenizer={path}"])).fit(LINES, quiet=True)


def test_settings_that_do_not_go_together():
    for values in ({"tokens": "tokenizer"}, {"tokenizer": "tokenizer.json"}):
        with pytest.raises(ConfigError, match="go together"):
            DataConfig(**values)
    with pytest.raises(ConfigError, match="a tokenizer is of a model"):
        Tokens.of("tokenizer")


def test_language_models_of_its_tokens(pieces):
    vocabulary = Vocabulary.of(LINES, "tokenizer", tokenizer=pieces)
    scores = language_model_scores(LINES[:40], LINES[40:80], LINES[80:100], vocabulary, epochs=1)
    assert all(value > 0 for value in scores)


def test_a_damaged_vocabulary_is_told(pieces):
    values = json.loads(json.dumps(Vocabulary.of(LINES, "tokenizer", tokenizer=pieces).to_json()))
    assert Vocabulary.from_json(values).encode(LINES[0])
    with pytest.raises(TokenError, match="damaged"):
        Vocabulary.from_json(values | {"merges": "{"})
