"""A data set's name means one thing wherever data is named, in molgan and seqgan."""

import gzip

import pytest

import molgan
import seqgan
from gancore.errors import DataError
from gancore.io.downloads import cache
from molgan import __main__ as molgan_program
from molgan.data.downloads import DATA
from molgan.metrics.basic import Known, texts_of
from molgan.metrics.reference import references
from seqgan import __main__ as seqgan_program
from seqgan.data.downloads import CORPORA
from seqgan.data.grammar import corpus

ZINC = ["CCO", "CC(C)N", "c1ccccc1O", "CCCl", "CC(=O)N", "C1CCOC1", "CCS", "CCOC", "C#CCO", "CC(O)CO"]
FEW = ["steps=1", "pretrain.steps=1", "device=cpu", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]"]


@pytest.fixture
def there(tmp_path, monkeypatch):
    """Data sets as if fetched, and an empty folder to work in that holds a file with the name of each."""
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for folder in ("zinc", "shakespeare", "moses"):
        (cache() / folder).mkdir(parents=True)
        (tmp_path / folder).write_text("a file of the same name\n" * 5)
    with gzip.open(cache() / "zinc" / "zinc.smi.gz", "wt") as out:
        out.write("\n".join(ZINC))
    for part, rows in (("train", ZINC[:6]), ("test", ZINC[6:])):
        with gzip.open(cache() / "moses" / f"{part}.csv.gz", "wt") as out:
            out.write("SMILES\n" + "\n".join(rows))
    (cache() / "shakespeare" / "lines.txt").write_text("\n".join(corpus(60)))
    for name in ("new.smi", "more.smi"):
        (tmp_path / name).write_text("\n".join(ZINC[:8]))
    (tmp_path / "new.txt").write_text("\n".join(corpus(20, 1)))
    return tmp_path


def test_a_name_is_a_name_and_a_path_is_a_path(there):
    assert DATA.named("zinc") == "zinc"
    assert DATA.file("zinc") == cache() / "zinc" / "zinc.smi.gz"
    assert DATA.file("./zinc").read_text().startswith("a file of the same name")
    assert DATA.named("./zinc") is DATA.named(there / "zinc") is DATA.named(["zinc"]) is DATA.named("zinc.smi") is None
    assert DATA.file("moses").name == "train.csv.gz"
    assert DATA.file("moses", "test").name == "test.csv.gz"
    assert CORPORA.file("shakespeare").name == "lines.txt"


@pytest.mark.parametrize("given", ["zink", "shakspeare"])
def test_a_word_that_is_neither_lists_the_names(there, given):
    for sources in (DATA, CORPORA):
        with pytest.raises(
            DataError, match=rf"^{given}: no such file, and no data set of that name; there is "
        ) as told:
            sources.file(given)
        assert all(name in str(told.value) for name in sources.about())
    assert str(DATA.file("zink.smi")) == "zink.smi", "a file that is missing is told of by what reads it"


def test_every_part_of_python_takes_the_name(there):
    assert texts_of("zinc") == texts_of("zinc", "test") == ZINC
    assert texts_of("moses"), texts_of("moses", "test") == (ZINC[:6], ZINC[6:])
    assert len(Known.of("zinc").strict) == len(ZINC)
    assert [one.name for one in references("zinc")] == ["zinc"]
    figures = molgan.evaluate([*ZINC[:4], "CCCCC"], train="zinc", reference="zinc", groups=["alerts"])
    assert figures["novel"].value == pytest.approx(0.2)
    gan = molgan.MolGAN(molgan.Config.load("default", FEW)).fit("zinc", quiet=True)
    assert gan.provenance["data"]["molecules"] == len(ZINC)
    text = seqgan.SeqGAN(seqgan.Config.load("small", ["recipe=mle", "likelihood.epochs=1", "model.width=8"]))
    text.fit("shakespeare", quiet=True)
    assert text.evaluate(8, reference="shakespeare", train="shakespeare")["novel"].n > 0


MOLGAN = {
    "train": ("train", "--data", "zinc", "--out", "run", "--quiet", *(part for one in FEW for part in ("--set", one))),
    "evaluate": ("evaluate", "new.smi", "--train", "zinc", "--reference", "zinc", "--only", "alerts"),
    "score": ("score", "new.smi", "--train", "zinc"),
    "compare": ("compare", "new.smi", "more.smi", "--train", "zinc", "--reference", "zinc", "--only", "alerts"),
    "report": ("report", "new.smi", "--train", "zinc", "--reference", "zinc"),
    "data path": ("data", "path", "zinc"),
    "data fetch": ("data", "fetch", "zinc"),
}


@pytest.mark.parametrize("verb", MOLGAN)
def test_every_verb_of_molgan_takes_the_name(there, command_line, verb, monkeypatch):
    run = command_line("molgan", molgan_program.main)
    monkeypatch.chdir(there)
    code, out, err = run(*MOLGAN[verb])
    assert code == 0, err
    assert verb != "evaluate" or "novel" in out
    wrong = [{"zinc": "zink", "run": "other"}.get(word, word) for word in MOLGAN[verb]]
    code, _, err = run(*wrong)
    assert code in (1, 2)
    assert "qm9, moses, zinc" in err
    assert err.count("\n") == 1


SEQGAN = {
    "train": (
        *("train", "--data", "shakespeare", "--out", "run", "--quiet"),
        *("--set", "recipe=mle", "--set", "likelihood.epochs=1", "--set", "model.width=8"),
    ),
    "evaluate": ("evaluate", "new.txt", "--reference", "shakespeare", "--train", "shakespeare"),
    "data path": ("data", "path", "shakespeare"),
    "data fetch": ("data", "fetch", "shakespeare"),
}


@pytest.mark.parametrize("verb", SEQGAN)
def test_every_verb_of_seqgan_takes_the_name(there, command_line, verb, monkeypatch):
    run = command_line("seqgan", seqgan_program.main)
    monkeypatch.chdir(there)
    code, _, err = run(*SEQGAN[verb])
    assert code == 0, err
    wrong = [{"shakespeare": "shakspeare", "run": "other"}.get(word, word) for word in SEQGAN[verb]]
    code, _, err = run(*wrong)
    assert code in (1, 2)
    assert "there is shakespeare" in err
