"""The benchmark of libraries, in short."""

import re
import sys

import pytest

from benchmarks import library


def test_it_prints_two_rows_their_ratio_and_the_shares(monkeypatch, capsys):
    monkeypatch.setattr(library, "WHERE", "qed > 0.3 and logp < 3.5 and alerts = 0")
    monkeypatch.setattr(library, "QED", 0.3)
    monkeypatch.setattr(sys, "argv", ["library", "qm9", "-n", "20", "--workers", "1", "--draws", "100"])
    library.main()
    _, loop, own, ratio, shares = capsys.readouterr().out.splitlines()
    figures = [[float(text) for text in re.findall(r"([\d.]+) a (?:CPU )?second", line)] for line in (loop, own, ratio)]
    assert all(value > 0 for row in figures for value in row)
    assert figures[2][0] == pytest.approx(figures[1][0] / figures[0][0], rel=0.1)
    parts = {name: float(share) for name, share in re.findall(r"(\w+) ([\d.]+)%", shares)}
    assert {"network", "critic", "decoding", "description", "writing"} <= set(parts)
    assert sum(parts.values()) == pytest.approx(100, abs=0.5)
