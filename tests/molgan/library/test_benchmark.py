"""The benchmark of libraries, in short."""

import csv
import re
import subprocess
import sys
import time

import pytest

import molgan
from benchmarks import library
from benchmarks.processes import measured, memory_of

FEW = ["library", "qm9", "-n", "20", "--workers", "1", "--draws", "100", "--ceiling", "2", "--qed", "0.3"]


def test_it_prints_two_rows_their_ratio_and_the_shares(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", FEW)
    library.main()
    _, loop, own, ratio, shares, unused = capsys.readouterr().out.splitlines()
    figures = [[float(text) for text in re.findall(r"([\d.]+) a (?:CPU )?second", line)] for line in (loop, own, ratio)]
    assert all(value > 0 for row in figures for value in row)
    assert figures[2][0] == pytest.approx(figures[1][0] / figures[0][0], rel=0.1)
    parts = {name: float(share) for name, share in re.findall(r"(\w+) ([\d.]+)%", shares)}
    assert {"network", "critic", "decoding", "description", "writing"} <= set(parts)
    assert sum(parts.values()) == pytest.approx(100, abs=0.5)
    assert re.fullmatch(r"drawn and not needed: \d+ samples of the last shard, 0 shards beyond it", unused)
    if sys.platform == "linux":
        assert all(0.05 < float(re.findall(r"([\d.]+) GB, within 1.5 GB", line)[0]) < 1.5 for line in (loop, own))


def test_the_loop_keeps_what_the_library_keeps(tmp_path):
    texts = [*molgan.MolGAN.load("moses").sample(150, seed=3, raw=True), "O=C(Cl)CCCl", None, "CCO", "CCO"]
    samples = library.plain(lambda seed: texts if not seed else ["C" * (seed + 1)] * 3, 20, tmp_path / "plain.csv", 0.6)
    made = molgan.library(lambda n, seed: texts, 20, tmp_path / "lib", library.where(0.6), workers=1, quiet=True)
    with (tmp_path / "plain.csv").open() as file:
        rows = [(text, *map(float, row)) for text, *row in csv.reader(file)]
    kept = made.query("select smiles, qed, logp, alerts from library").to_numpy().tolist()
    assert samples == len(texts)
    assert [row[0] for row in rows] == [row[0] for row in kept]
    assert [row[1:] for row in rows] == [pytest.approx(row[1:], abs=1e-6) for row in kept]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_that_of_all_processes():
    """A process and its child, each with 60 MB of its own."""
    held = "held = bytearray(b'x') * 60_000_000; import time; time.sleep(3)"
    code = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {held!r}]); {held}"
    taken = measured([sys.executable, "-c", code])
    assert 120e6 < taken.memory < 200e6
    assert taken.cpu < 3 <= taken.wall
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        time.sleep(0.2)
        assert 0 < memory_of(process.pid) < 60e6
        process.kill()
