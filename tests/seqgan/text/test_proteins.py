import csv

import pytest

from gancore.errors import ConfigError
from seqgan import Config, SeqGAN, evaluate
from seqgan.__main__ import main
from seqgan.data.corpus import Corpus, read_lines
from seqgan.data.settings import DataConfig
from seqgan.text.proteins import RESIDUES, nucleotide_advice, refusal, residues
from seqgan.text.vocabulary import SPECIAL, TokenError, Vocabulary

PROTEIN = DataConfig(tokens="protein", valid=0.0, test=0.0)
PEPTIDES = [
    "GIGKFLHSAKKFGKAFVGEIMNS",
    "KWKLFKKIEKVGQNIRDGIIKAGPAVAVVGQATQIAK",
    "ILPWKWPWWPWRR",
    "kwklfkki",
    "GLFDIVKK*",
]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ACDEFGHIKLMNPQRSTVWY", ""),
        ("acd efg*", ""),
        ("MKB", "has B, aspartic acid or asparagine"),
        ("mkz", "has 'z'"),
        ("MKX*", "has X, any amino acid"),
        ("MUK", "has U, selenocysteine"),
        ("MOK", "has O, pyrrolysine"),
        ("MJK", "has J, leucine or isoleucine"),
        ("M*K", "has *, a stop inside the sequence"),
        ("MK**", "has *, a stop inside the sequence"),
        ("M-K", "has -, a gap of an alignment"),
        ("M.K", "has ., a gap of an alignment"),
        ("MK1", "has '1', which is no amino acid"),
        ("MKß", "has 'ß', which is no amino acid"),  # its capital is SS
        ("MKﬁ", "has 'ﬁ', which is no amino acid"),  # its capital is FI
        (">sp|P1|X", "has >, the mark of a FASTA header: name the file .fasta"),
        ("*", "has no amino acid"),
        ("", "has no amino acid"),
    ],
)
def test_every_sign_is_read_or_has_its_reason(text, reason):
    if reason == "has 'z'":
        reason = "has Z, glutamic acid or glutamine"
    assert refusal(text) == reason
    vocabulary = Vocabulary.of([], "protein")
    if reason:
        with pytest.raises(TokenError) as caught:
            vocabulary.encode(text)
        assert str(caught.value) == reason
    else:
        assert vocabulary.decode(vocabulary.encode(text)) == residues(text)


def test_the_vocabulary_is_the_twenty_whatever_the_corpus():
    vocabulary = Vocabulary.of(["AAAA"], "protein", min_count=3, max_size=2)
    assert vocabulary.tokens == SPECIAL + tuple(RESIDUES)
    assert len(set(RESIDUES)) == 20
    assert Vocabulary.from_json(vocabulary.to_json()).encode("wy") == vocabulary.encode("WY")


def test_lines_of_a_corpus_and_the_account_of_the_others():
    corpus = Corpus.of([*PEPTIDES, "MKX", "", "MK-V", "*", "A" * 101], PROTEIN)
    assert sorted(corpus.strings) == sorted(residues(text) for text in PEPTIDES)
    assert [(one.row, one.reason) for one in corpus.rejected] == [
        (6, "has X, any amino acid"),
        (7, "empty"),
        (8, "has -, a gap of an alignment"),
        (9, "has no amino acid"),
        (10, "more than 100 tokens"),
    ]


def test_copies_in_another_case_go_to_one_part():
    lines = [f"{first}{second}KKLL" for first in RESIDUES for second in RESIDUES[:3]]
    corpus = Corpus.of([*lines, *(f"{line.lower()}*" for line in lines)], DataConfig(tokens="protein", test=0.3))
    parts = [set(map(corpus.vocabulary.decode, part.tolist())) for part in corpus.parts]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 60


def test_lower_is_refused():
    with pytest.raises(ConfigError, match="leave lower out"):
        DataConfig(tokens="protein", lower=True)


def test_nucleotides_are_told():
    assert "100% of the sequences" in nucleotide_advice(["ACGT", "acgtn"])
    assert nucleotide_advice(["ACGT", "MKV"]) == ""
    assert nucleotide_advice([]) == ""


def test_from_fasta_to_fasta(tmp_path, command_line):
    data = tmp_path / "data.fasta"
    data.write_text("".join(f">p{row}\n{text[:5]}\n{text[5:]}\n" for row, text in enumerate([*PEPTIDES, "MKX"] * 2)))
    few = ["recipe=mle", "likelihood.epochs=1", "data.tokens=protein", "data.valid=0", "data.test=0"]
    gan = SeqGAN(Config.load("small", few)).fit(data, out=tmp_path / "run", quiet=True)
    assert gan.provenance["data"]["rejected"] == 2
    with open(tmp_path / "run" / "rejected.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["row"], rows[0]["reason"]) == ("16", "has X, any amino acid")
    assert not set("".join(gan.sample(50))) - set(RESIDUES)
    assert gan.sample(1, prefix="gig")[0].startswith("GIG")
    with pytest.raises(ConfigError, match="prefix 'GX': has X, any amino acid"):
        gan.sample(1, prefix="GX")

    run = command_line("seqgan", main)
    code, _, err = run("generate", "run", "-n", 8, "--out", "new.fasta")
    assert code == 0, err
    written = (tmp_path / "new.fasta").read_text().splitlines()
    assert [line for line in written if line.startswith(">")] == [f">sample_{number}" for number in range(1, 9)]
    assert [text for _, text in read_lines(tmp_path / "new.fasta")] == gan.sample(8)
    code, out, _ = run("evaluate", "new.fasta", "--reference", "data.fasta", "--tokens", "protein")
    assert code == 0
    assert "Tokens: protein" in out


def test_evaluation_counts_case_and_stops_as_the_same():
    figures = evaluate(["MKVL", "mkvl", "MKVL*", "AAAA"], PEPTIDES, train=["mkvl"], tokens="protein")
    assert figures["unique"].value == 0.5
    assert figures["novel"].value == 0.5
