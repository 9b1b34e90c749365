"""Short forms of the benchmarks of translation: each prints numbers that were measured here."""

from benchmarks import infilling, lead_translation, translation
from tests.test_benchmarks import numbers


def test_translation(run):
    short = [
        "--lines",
        40,
        "--judged",
        10,
        "--seeds",
        0,
        "--set",
        "likelihood.epochs=1",
        "steps=1",
        "critic.pretrain=1",
    ]
    found = run(translation, "paired", *short, "model.width=8")
    assert [line.partition(":")[0] for line in found[-6:]] == ["likelihood"] * 3 + ["adversary"] * 3
    for corpus in ("summaries", "dialogue"):
        found = run(translation, "paired", *short, "model.width=8", "--corpus", corpus)
        assert all(0 <= numbers(line)[-2] <= 1 for line in found[-6:] if "CPU" not in line)
    found = run(translation, "unpaired", *short, "model.width=8", "critic.filters=0.02")
    assert [line.split()[0] for line in found if line.startswith(("cyclegan", "stargan"))] == ["cyclegan", "stargan"]
    bleu_of_true = [line for line in found if line.startswith("true: BLEU-2")]
    assert all(0.3 < numbers(line)[-2] < 0.9 for line in bleu_of_true)


def test_infilling(run):
    short = ["--lines", 40, "--judged", 12, "--set", "likelihood.epochs=1", "steps=1", "critic.pretrain=1"]
    found = run(infilling, *short, "model.width=8")
    rows = {line.rsplit(maxsplit=2)[0]: numbers(line.rsplit(maxsplit=2)[1])[0] for line in found[2:]}
    shares = {name: value for name, value in rows.items() if "CPU" not in name}
    assert len(shares) == 15
    assert all(value == 1.0 for name, value in shares.items() if name.endswith(": kept"))
    assert all(0 <= value <= 1 for value in shares.values())


def test_what_is_kept_is_seen():
    line = infilling.with_gaps("a b c d e", [(0, 1), (2, 4)])
    assert line == "___ b ___ e"
    assert infilling.kept(line, "x b y z e")
    assert not any(infilling.kept(line, text) for text in ("b y e", "x b e", "x c y e", "x b y e f"))


def test_lead_translation(tmp_path, run):
    tails = ["O", "Cl", "C", "CC", "CCC", "F", "Br", "CCCC"]
    mols = tmp_path / "mols.smi"
    mols.write_text(
        "\n".join(f"{tail}{ring}" for ring in ("c1ccccc1CCO", "c1ccc(CCN)cc1", "C1CCC(CO)CC1") for tail in tails)
    )
    short = [
        "likelihood.epochs=1",
        "steps=1",
        "critic.pretrain=1",
        "model.width=8",
        "model.embedding=8",
        "data.valid=0",
    ]
    found = run(lead_translation, mols, "--out", tmp_path / "out", "--leads", 2, "--calls", 8, "--set", *short)
    rows = {line.split()[0]: line for line in found[1:]}
    assert list(rows) == ["retrieval", "pix2pix", "cyclegan", "stargan", "improve"]
    assert "'valid': 1.0" in rows["retrieval"]
