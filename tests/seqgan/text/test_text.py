import json

import pytest
from rdkit import Chem

from seqgan.text.vocabulary import BEGIN, END, PAD, SPECIAL, UNKNOWN, TokenError, Vocabulary

SMILES = ["CC(=O)Cl", "BrC1=CC=CC=C1", "C[N+](C)(C)C", "C%12CCCC%12", "N[C@@H](C)C(=O)O"]
LINES = {
    "word": ["the cat sat", "a dog ran the race"],
    "char": ["the cat sat", "a dög"],
    "bpe": ["the cat sat on the mat", "a dög ran 🐕"],
    "smiles": SMILES,
    "selfies": SMILES,
}


@pytest.mark.parametrize("kind", LINES)
def test_lines_survive_encoding_and_json(kind):
    """Every kind of vocabulary: what it encodes it decodes, also after a round trip through JSON."""
    vocabulary = Vocabulary.of(LINES[kind], kind)
    again = Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))
    assert vocabulary.tokens[:4] == SPECIAL
    for line in LINES[kind]:
        ids = vocabulary.encode(line)
        assert UNKNOWN not in ids
        assert max(ids) < len(vocabulary)
        assert again.encode(line) == ids
        back = again.decode([*ids, END, 4, 4, PAD])
        if kind == "selfies":  # spells molecules its own way
            back, line = Chem.CanonSmiles(back), Chem.CanonSmiles(line)
        assert back == line


def test_smiles_tokens_are_atoms():
    vocabulary = Vocabulary.of(SMILES, "smiles")
    assert {"Cl", "Br", "[N+]", "%12", "[C@@H]"} <= set(vocabulary.tokens)
    assert "l" not in vocabulary.tokens


def test_byte_pairs_cover_what_was_never_seen():
    vocabulary = Vocabulary.of(["plain words"], "bpe")
    assert vocabulary.decode(vocabulary.encode("naïve 漢字")) == "naïve 漢字"
    assert len(Vocabulary.of(["aaa bbb"] * 10, "bpe", max_size=270)) <= 270


def test_rare_words_are_unknown_and_ties_are_settled():
    lines = ["b a", "a b", "c"]
    assert Vocabulary.of(lines, "word", min_count=2).tokens[4:] == ("a", "b")
    assert Vocabulary.of(lines, "word", max_size=1).tokens[4:] == ("a",)
    vocabulary = Vocabulary.of(lines, "word", min_count=2)
    assert vocabulary.encode("a c") == [4, UNKNOWN]
    assert vocabulary.decode([BEGIN, 4, UNKNOWN, END]) == "a <unknown>"


def test_lower_case():
    vocabulary = Vocabulary.of(["The Cat"], "word", lower=True)
    assert vocabulary.decode(vocabulary.encode("THE CAT")) == "the cat"


@pytest.mark.parametrize("kind", ["word", "char", "bpe"])
def test_text_is_never_a_special_token(kind):
    """Lines that spell the special tokens' labels are text: learnt, encoded and decoded as any other."""
    lines = ["<end>", "the <pad> x", "<begin> <begin> <unknown> y", "<end> <pad>", "< end > <END>"]
    known = Vocabulary.of(lines, kind)
    for vocabulary in (known, Vocabulary.from_json(json.loads(json.dumps(known.to_json())))):
        for line in lines:
            ids = vocabulary.encode(line)
            assert not set(ids) & {PAD, BEGIN, END, UNKNOWN}
            assert vocabulary.unknown(line) == ""
            assert vocabulary.decode([BEGIN, *ids, END, 4, PAD]) == line
    assert "<end>" not in [token for place, token in enumerate(known.tokens) if kind == "char" and place >= 4]


def test_a_vocabulary_from_before_keeps_its_ids():
    """One that was learnt without the labels as words: they are unknown to it, and nothing has moved."""
    old = {"kind": "word", "tokens": [*SPECIAL, "x", "y"], "lower": False, "merges": ""}
    vocabulary = Vocabulary.from_json(old)
    assert vocabulary.encode("<pad> x <end> y") == [UNKNOWN, 4, UNKNOWN, 5]
    assert vocabulary.unknown("x <end>") == "<end>"
    assert vocabulary.decode([4, UNKNOWN]) == "x <unknown>"
    assert vocabulary.to_json() == old


@pytest.mark.parametrize("kind", ["smiles", "selfies"])
def test_molecules_never_spell_a_special_token(kind):
    vocabulary = Vocabulary.of([*SMILES, "<end>", "<pad>C"], kind)
    assert not set(SPECIAL) & set(vocabulary.tokens[4:])
    assert not {PAD, BEGIN, END} & {token for line in SMILES for token in vocabulary.encode(line)}


@pytest.mark.parametrize("line", ["not a molecule (", "N0-0"])
def test_what_selfies_cannot_express_is_an_error_with_a_reason(line):
    with pytest.raises(TokenError, match="SELFIES"):
        Vocabulary.of(SMILES, "selfies").encode(line)


def test_rare_pairs_are_not_made_one():
    lines = ["ab ab ab ab cd cd"]
    often, seldom = (set(Vocabulary.of(lines, "bpe", min_count).tokens) for min_count in (3, 1))
    assert {"ab", "cd"} <= seldom
    assert "ab" in often
    assert "cd" not in often


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"kind": "word", "tokens": ["a"], "lower": False, "merges": ""},
        {"kind": 3},
        {"kind": "bpe", "tokens": SPECIAL, "lower": False, "merges": ""},
        Vocabulary.of(["ab"], "bpe").to_json() | {"tokens": [*SPECIAL, "漢"]},
    ],
)
def test_damaged_vocabulary(damage):
    with pytest.raises(TokenError, match="vocabulary is damaged"):
        Vocabulary.from_json(damage)
