"""The long benchmark, short: every row is made by the code that makes the published table."""

import sys

import pytest

from benchmarks import oracle


@pytest.mark.parametrize("rows", [["mle", "constant reward", "seqgan"], ["mle wide stopped", "residual"]])
def test_the_oracle_table(tmp_path, monkeypatch, capsys, rows):
    arguments = ["oracle", "--schedule", "short", "--seeds", "0", "--out", str(tmp_path), "--rows", *rows]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(oracle.torch, "set_num_threads", lambda count: None)
    oracle.main()
    table = capsys.readouterr().out.splitlines()
    for row in rows:
        (line,) = [line for line in table if line.startswith(f"| {row} |")]
        cells = line.split("|")
        assert cells[2].strip() == "1", "one seed"
        reverse, forward = (float(cell.split("±")[0]) for cell in cells[6:8])
        assert min(reverse, forward) > 0.5, "nothing trained for seconds is close to the oracle"
    made = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    oracle.main()
    assert made == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}, (
        "a second call makes nothing anew"
    )
