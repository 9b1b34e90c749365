import json
import sys

import pandas as pd
import pytest
from rdkit import Chem

from molgan.__main__ import main
from molgan.scoring.benchmarks import DRUGLIKE

TINY = ["--set", "steps=3", "--set", "pretrain.steps=3", "--set", "batch=16", "--set", "device=cpu"]
ROUGH = ["--set", "rejection.steps=2", "--set", "model.sharpness=1"]
"""For the demo's model: as it is hardly trained, sharpened samples would be the same."""


@pytest.fixture
def run(command_line):
    return command_line("molgan", main)


@pytest.fixture
def trained(run, qm9_smiles, tmp_path):
    (tmp_path / "mols.smi").write_text("\n".join([*qm9_smiles[:200], "prose", "C.C"]))
    code, _, err = run("train", "--data", "mols.smi", "--out", "r", *TINY)
    assert code == 0, err
    return tmp_path / "r"


def test_train_generate_score_evaluate(run, trained):
    assert {path.name for path in trained.iterdir()} == {"checkpoints", "config.toml", "metrics.jsonl", "rejected.csv"}
    assert pd.read_csv(trained / "rejected.csv")["reason"].tolist()[-2:] == ["not a SMILES", "more than one fragment"]
    code, _, _ = run("generate", "r", "-n", 50, "--seed", 0, "--out", "sub/new.smi")
    lines = (trained.parent / "sub/new.smi").read_text().splitlines()
    assert code == 0
    assert len(lines) == 50
    assert all(Chem.MolFromSmiles(line) for line in lines)
    code, out, _ = run("generate", "r", "-n", 50, "--raw")
    assert out.count("\n") == 50
    assert "" in out.splitlines(), "an invalid raw draw is an empty line"
    code, out, _ = run("evaluate", "sub/new.smi", "--train", "mols.smi", "--json")
    assert json.loads(out)["connected"]["value"] == 1.0
    assert code == 0
    code, out, _ = run("evaluate", "sub/new.smi")
    assert "unique" in out
    (trained.parent / "score.toml").write_text(DRUGLIKE.dump())
    code, out, _ = run(
        "score", "sub/new.smi", "--train", "mols.smi", "--score", "score.toml", "--out", "s.parquet", "--json"
    )
    frame = pd.read_parquet(trained.parent / "s.parquet")
    figures = json.loads(out)
    assert figures["rows"] == len(frame) == 50
    assert figures["qed"] == pytest.approx(frame["qed"].mean())
    assert figures["novel"] == pytest.approx(frame["novel"].astype(float).mean())
    assert figures["logp.desirability"] == pytest.approx(frame["logp.desirability"].mean())
    assert frame["row"].tolist() == list(range(1, 51))
    assert (frame["input"] == lines).all()
    code, out, _ = run("score", "sub/new.smi", "--out", "s.csv", "--score", "druglike", "--cache", "known.sqlite")
    assert code == 0
    assert out.startswith("The weighted geometric mean of qed")
    assert json.loads(run("score", "sub/new.smi", "--json")[1])["novel"] is None


def test_resume_and_refusal_to_overwrite(run, trained):
    code, _, err = run("train", "--data", "mols.smi", "--out", "r", *TINY)
    assert (code, err) == (1, "molgan: r: holds a trained run already; resume it, or give another folder.\n")
    assert run("train", "--data", "mols.smi", "--out", "r", *TINY, "--resume")[0] == 0
    code, _, err = run("train", "--data", "mols.smi", "--out", "r", *TINY, "--set", "lr=0.1", "--resume")
    assert code == 1
    assert "differs in lr (0.0005 then, 0.1 now)" in err


def test_demo_leaves_everything_behind(run, tmp_path, monkeypatch, qm9_smiles):
    (tmp_path / "q.smi").write_text("\n".join(qm9_smiles))
    monkeypatch.setattr("molgan.reporting.demo.embedded", lambda: tmp_path / "q.smi")
    for _ in range(2):  # the second replaces the first
        code, out, err = run("demo", "--out", "d", "-n", 60, *TINY, *ROUGH)
        assert code == 0, err
    assert {path.name for path in (tmp_path / "d").iterdir()} == {
        *(".demo", "config.toml", "metrics.jsonl", "rejected.csv", "checkpoints", "best.png", "properties.png"),
        *("library.parquet", "library.smi", "library.sdf"),
    }
    assert "absent motif" in out
    assert "FCD" not in out, "of too few molecules"
    assert "60 distinct valid molecules from" in out
    assert "product" in out
    assert "strictly valid" in out
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    (tmp_path / "mine" / "config.toml").write_text("")
    code, _, err = run("demo", "--out", "mine", *TINY)
    assert code == 1
    assert (tmp_path / "mine" / "thesis.txt").exists(), err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["train", "--data", "missing.smi"], 1, "missing.smi: no such file"),
        (["train", "--data", "empty.smi"], 1, "empty.smi: holds no rows"),
        (["train", "--data", "no_column.csv"], 1, "no column named smiles or canonical_smiles or smi"),
        (["train", "--data", "prose.txt"], 1, "none of the 2 rows can be used"),
        (["train", "--data", "cut.sdf"], 1, "can be used"),
        (["train", "--config", "unknown_key.toml"], 2, "unknown key stepz; did you mean steps"),
        (["train", "--config", "wrong_type.toml"], 2, "steps = 'many': input should be a valid integer"),
        (["train", "--config", "nowhere.toml"], 2, "no such configuration file"),
        (["train", "--set", "device=gpu9"], 2, "use auto, cpu or cuda"),
        (["train", "--data", "good.smi", "--out", "prose.txt/x", *TINY], 1, "prose.txt"),
        (["generate", "nowhere"], 1, "nowhere: no run here"),
        (["generate", "nowhere", "-n", "0"], 2, "-n"),
        (["generate"], 2, "run"),
        (["evaluate", "empty.smi"], 1, "the list of SMILES is empty"),
        (["score", "empty.smi"], 1, "empty.smi: holds no rows"),
        (["score", "good.smi", "--score", "druglik"], 2, "no score of that name (did you mean druglike?)"),
        (["score", "good.smi", "--out", "x.docx"], 2, "can be written as .parquet or .csv"),
        (["score", "good.smi", "--score", "wrong_score.toml"], 2, "unknown key score.qad;"),
        (["score", "good.smi", "--out", "prose.txt/x.csv"], 1, "prose.txt"),
        (["score", "good.csv", "--out", "good.csv"], 2, "good.csv: is what is read from"),
        (["report", "good.smi", "--out", "good.smi"], 2, "good.smi: is what is read from"),
        (["report", "good.smi", "--out", "."], 2, "is a folder"),
        (["generate", "qm9", "--out", "."], 2, "is a folder"),
        (["evaluate", "good.smi", "--train", "prose.txt"], 1, "none of 2 rows is a SMILES that can be read"),
        (["score", "good.smi", "--train", "prose.txt"], 1, "none of 2 rows is a SMILES that can be read"),
        (["train", "--data", "one.smi"], 1, "one usable molecule, and a generator needs at least two"),
        (["train", "--start", "nowhere"], 1, "models that come with molgan: drug, moses, qm9"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_bad_input_is_one_sentence_without_traceback(run, tmp_path, arguments, code, words):
    contents = {
        "good.smi": "CCO\nCC\n",
        "one.smi": "CCO\nOCC\n",
        "good.csv": "smiles\nCCO\n",
        "empty.smi": "",
        "no_column.csv": "a,b\n1,2\n",
        "prose.txt": "Dear reader,\nthis is a letter.\n",
        "cut.sdf": Chem.MolToMolBlock(Chem.MolFromSmiles("CCO"))[:120],
        "unknown_key.toml": "stepz = 1\n",
        "wrong_type.toml": "steps = 'many'\n",
        "wrong_score.toml": "[score]\nqad = 1.0\n",
    }
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    found, out, err = run(*arguments)
    assert found == code, err
    assert words in err
    assert "Traceback" not in out + err
    if not err.startswith("Usage"):  # what typer says of wrong usage is its own
        assert err.startswith("molgan: ")
        assert err.count("\n") == 1


def test_help_is_quick_and_complete(run):
    code, out, _ = run("--help")
    assert code == 0
    assert all(command in out for command in ("demo", "train", "generate", "score", "evaluate"))
    for command in ("demo", "train", "generate", "score", "evaluate"):
        assert run(command, "--help")[0] == 0


def test_help_loads_no_heavy_library():
    import subprocess

    code = (
        "import sys; import molgan.__main__; print(sorted({'torch', 'rdkit', 'pandas', 'pydantic'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
