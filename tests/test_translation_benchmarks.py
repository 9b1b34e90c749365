"""Short forms of the benchmarks of translation: each prints numbers that were measured here."""

from benchmarks import lead_translation, translation
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
    assert [line.partition(":")[0] for line in found[-4:]] == ["likelihood", "likelihood", "adversary", "adversary"]
    found = run(translation, "unpaired", *short, "model.width=8", "critic.filters=0.02")
    assert [line.split()[0] for line in found if line.startswith(("cyclegan", "stargan"))] == ["cyclegan", "stargan"]
    bleu_of_true = [line for line in found if line.startswith("true: BLEU-2")]
    assert all(0.3 < numbers(line)[-2] < 0.9 for line in bleu_of_true)


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
