"""Every command is quiet when it is told to be, and prints its figures as JSON."""

import json
import sys

import pytest
import typer

import gancore.io.progress as module
import molgan.__main__
import seqgan.__main__
from gancore.io.process_pool import Pool
from gancore.io.progress import Tally, hushed, over, progress
from gancore.runs import pretrained
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN

PROGRAMS = {"molgan": molgan.__main__, "seqgan": seqgan.__main__}
NO_FIGURES = {"molgan train", "molgan generate", "seqgan train", "seqgan generate"}
"""What prints no figures: progress alone, or lines that are the result."""


def commands(program):
    """The commands of a program, `data list` and so on as well: (words, click's command)."""
    for name, command in typer.main.get_command(PROGRAMS[program].app).commands.items():
        for inner, one in getattr(command, "commands", {"": command}).items():
            yield f"{program} {name} {inner}".strip(), one


ALL = {words: command for program in PROGRAMS for words, command in commands(program)}
FEW = ["steps=1", "pretrain.steps=1", "model.generator=[8]", "model.critic=[8]", "model.encoder=[8]"]
TEXT = ["recipe=mle", "likelihood.epochs=1", "model.width=8"]
CALLS = {
    "molgan demo": ("--out", "demo", "-n", "20", "--config", "small.toml"),
    "molgan train": ("--data", "mols.smi", "--out", "run", *(part for one in FEW for part in ("--set", one))),
    "molgan generate": ("qm9", "-n", "3"),
    "molgan score": ("mols.smi", "--train", "mols.smi"),
    "molgan evaluate": ("mols.smi", "--train", "mols.smi", "--reference", "mols.smi", "--only", "alerts"),
    "molgan compare": ("mols.smi", "more.smi", "--reference", "mols.smi", "--only", "alerts"),
    "molgan report": ("mols.smi", "--train", "mols.smi"),
    "molgan optimize": ("--score", "qed", "--budget", "8", "--start", "mols.smi", "--out", "search"),
    "molgan analogues": ("mols.smi", "--model", "none", "-n", "5", "--out", "analogues.csv"),
    "molgan improve": ("mols.smi", "--property", "logp=+1", "--budget", "6", "--out", "better.csv"),
    "molgan pick": ("mols.smi", "-n", "3", "--out", "few.csv"),
    "molgan cluster": ("mols.smi", "--out", "clusters.csv"),
    "molgan library build": ("mols.smi", "-n", "4", "--where", "qed > 0.1", "--out", "new", "--workers", "1"),
    "molgan library query": ("lib", "select count(*) as molecules from library"),
    "molgan library export": ("lib", "--out", "lib.smi"),
    "molgan library merge": ("lib", "--out", "merged"),
    "molgan library info": ("lib", "--check"),
    "molgan export": ("qm9", "--out", "model", "-n", "6", "--only", "alerts"),
    "molgan anomalies": ("mols.smi", "--model", "qm9", "--reference", "more.smi"),
    "molgan doctor": (),
    "molgan runs": ("text",),
    "molgan family": (),
    "molgan data list": (),
    "molgan data fetch": ("qm9",),
    "molgan data path": ("qm9",),
    "seqgan demo": ("--out", "demo", "-n", "20", "--config", "text.toml"),
    "seqgan train": ("--data", "lines.txt", "--out", "new", *(part for one in TEXT for part in ("--set", one))),
    "seqgan generate": ("text", "-n", "3"),
    "seqgan translate": ("pairs", "sources.txt", "--out", "translated.txt"),
    "seqgan evaluate": ("lines.txt", "--reference", "lines.txt"),
    "seqgan report": ("lines.txt", "--reference", "lines.txt", "--train", "lines.txt"),
    "seqgan export": ("text", "--out", "model", "-n", "8", "--reference", "lines.txt"),
    "seqgan anomalies": ("lines.txt", "--model", "text", "--samples", "9"),
    "seqgan doctor": (),
    "seqgan runs": ("text",),
    "seqgan family": (),
    "seqgan data list": (),
    "seqgan data fetch": ("shakespeare",),
    "seqgan data path": ("shakespeare",),
}


@pytest.fixture(scope="module")
def at_hand(tmp_path_factory):
    """A folder with what the calls read: molecules, lines, a run, small configurations, a fetched data set."""
    folder = tmp_path_factory.mktemp("quiet")
    (folder / "mols.smi").write_text("CCO\nCCN\nc1ccccc1O\nCCOC\nC#CCO\nCCCl\n")
    (folder / "more.smi").write_text("CCC\nCCCN\nc1ccncc1\nCOC\nC#CC\nCCF\n")
    (folder / "lines.txt").write_text("\n".join(corpus(40)))
    (folder / "small.toml").write_text(
        "steps = 1\n[data]\nsample = 60\n[pretrain]\nsteps = 1\n[model]\ngenerator = [8]\ncritic = [8]\nencoder = [8]\n"
    )
    (folder / "text.toml").write_text('recipe = "mle"\n[likelihood]\nepochs = 1\n[model]\nwidth = 8\n')
    (folder / "cache" / "shakespeare").mkdir(parents=True)
    (folder / "cache" / "shakespeare" / "lines.txt").write_text("\n".join(corpus(40)))
    molgan.library(folder / "mols.smi", 3, folder / "lib", workers=1, quiet=True)
    SeqGAN(seqgan.Config.load("small", TEXT)).fit(corpus(40), out=folder / "text", quiet=True)
    few = ["likelihood.epochs=1", "steps=1", "critic.pretrain=1", "model.width=8"]
    SeqGAN(seqgan.Config.load("pix2pix", few)).fit([("a b", "b a"), ("b a", "a b")], out=folder / "pairs", quiet=True)
    (folder / "sources.txt").write_text("a b\nb a\n")
    return folder


def test_there_is_a_call_of_every_command():
    assert ALL.keys() == CALLS.keys()


@pytest.mark.parametrize("words", ALL)
def test_every_command_has_the_options(words):
    options = {name for parameter in ALL[words].params for name in parameter.opts}
    assert "--quiet" in options
    assert ("--json" in options) == (words not in NO_FIGURES)


LONG = {"molgan demo", "seqgan demo"}
"""Minutes where training and corpora are the embedded ones; the tests of the demos run them too."""


@pytest.mark.parametrize(
    "words", [pytest.param(words, marks=pytest.mark.slow) if words in LONG else words for words in CALLS]
)
def test_a_quiet_command_says_nothing_but_its_result(words, at_hand, tmp_path, monkeypatch, command_line):
    monkeypatch.setenv("DISCRETEGAN_DATA", str(at_hand / "cache"))
    monkeypatch.setattr(
        pretrained, "bundled", lambda half, found=pretrained.bundled: {} if "doctor" in words else found(half)
    )
    program, *command = words.split()
    run = command_line(program, PROGRAMS[program].main)
    for path in at_hand.iterdir():
        (tmp_path / path.name).symlink_to(path)
    json_too = ["--json"] if words not in NO_FIGURES else []
    code, out, err = run(*command, *CALLS[words], "--quiet", *json_too)
    assert code == 0, err
    assert err == ""
    if json_too:
        assert json.loads(out) is not None
    elif command == ["generate"]:
        assert len(out.splitlines()) == 3
    else:
        assert out == ""


# The progress itself ------------------------------------------------------------------------------


@pytest.fixture
def at_once(monkeypatch):
    for name in ("AFTER", "LINE_EVERY", "_LOOK_EVERY"):
        monkeypatch.setattr(module, name, 0.0)


def test_a_log_file_gets_lines_with_rate_and_time_left(at_once, capsys):
    assert list(over(range(4), "counting", 4)) == [0, 1, 2, 3]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("counting: 2 of 4, ")
    assert lines[1].endswith(" a second, 0:00 left")


def test_short_work_shows_nothing(capsys):
    list(over(range(1000), "counting", 1000))
    assert capsys.readouterr().err == ""


def test_a_line_says_what_is_known(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    tally = Tally("fetching a", 80_000_000, "bytes")
    tally(20_000_000)
    now[0] += 10
    assert str(tally) == "fetching a: 20.0 MB of 80.0 MB, 2.0 MB a second, 0:30 left"
    endless = Tally("reading")
    endless(5)
    now[0] += 2
    assert str(endless) == "reading: 5, 2.5 a second"


def test_it_waits_and_comes_every_half_minute(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress("slow", 100) as tick:
        for _ in range(100):
            now[0] += 1
            tick()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(",")[0] for line in lines] == ["slow: 30 of 100", "slow: 60 of 100", "slow: 90 of 100"]


def test_work_within_work_shows_nothing_of_its_own(at_once, capsys):
    for _ in over(range(2), "outer", 2):
        with progress("inner", 3) as tick:
            tick(3)
    with progress("outer", 2) as outer:
        outer()
        with progress("inner", 3) as tick:
            tick(3)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == ["inner", "outer", "outer", "outer"]
    assert module._shown.acquire(blocking=False), "given back at the end"
    module._shown.release()


def test_what_is_hushed_shows_nothing_also_within(at_once, capsys):
    with hushed(), hushed(False):
        list(over(range(3), "counting", 3))
    assert capsys.readouterr().err == ""
    list(over(range(1), "counting", 1))
    assert "counting" in capsys.readouterr().err


def test_a_terminal_gets_one_line_that_is_taken_away(at_once, monkeypatch, capsys):
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda self: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with progress("counting", 3) as tick:
        tick(2)
        assert tick._bar is not None
        assert tick._bar.tasks[0].description.startswith("counting: 2 of 3")
    assert tick._bar is None
    monkeypatch.setattr(module, "_started", lambda: None)  # where something else is being drawn
    with progress("counting", 3) as tick:
        tick(2)
        assert tick._bar is None
    capsys.readouterr()


def test_an_error_gives_the_line_back(at_once):
    def stopped():
        with progress("counting", 3) as tick:
            tick()
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        stopped()
    assert module._shown.acquire(blocking=False)
    module._shown.release()


def test_processes_report(at_once, capsys):
    pool = Pool(2)
    assert pool.map(abs, [-1] * 40, chunk=1, title="absolute values") == [1] * 40
    pool.close()
    told = capsys.readouterr().err
    assert not told or told.startswith("absolute values: ")


@pytest.mark.parametrize("function", ["read", "judge", "graph_or_reason", "describe", "fingerprint_bytes", "skeleton"])
def test_what_works_on_molecules_has_a_title(function):
    from functools import partial

    from molgan import chemistry
    from molgan.chemistry.parallel import TITLES, title_of
    from molgan.scoring import description

    held = getattr(description, function, None) or getattr(chemistry, function)
    assert title_of(held) == title_of(partial(held)) == TITLES[function]
    assert title_of(abs) == "working through molecules"
