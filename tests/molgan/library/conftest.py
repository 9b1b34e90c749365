import hashlib
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import molgan
from molgan.library.manifest import Manifest
from molgan.library.settings import LibraryConfig

HERE = Path(__file__).parent
WHERE = "qed > 0.4 and logp < 3"
SMALL = LibraryConfig(draws=100, workers=1)

collect_ignore = ["kills.py", "samplers.py"]  # programs and modules of other processes


@pytest.fixture
def samplers(monkeypatch):
    """The module of samplers, importable here and by processes that are started meanwhile."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, [str(HERE), *sys.path])))
    import samplers

    return samplers


@pytest.fixture
def content():
    """`content(folder)`: digest of the sorted SMILES and the number of rows, once all counts add up."""

    def read(folder):
        manifest = Manifest.read(Path(folder))
        smiles = [
            text
            for file in manifest.files
            for text in pq.read_table(Path(folder) / file.name, columns=["smiles"])["smiles"].to_pylist()
        ]
        assert len(smiles) == len(set(smiles)) == len(manifest), "each molecule once, and all of them"
        assert not list(manifest.damaged(Path(folder)))
        for run in manifest.runs:
            for one in [*run.shards]:
                counted = one.invalid + one.repeats + one.known + one.unscored + sum(one.rejected) + one.kept
                assert one.samples == counted, one
            total = run.counts
            named = sum(total[name] for name in ("invalid", "repeats", "known", "unscored", "kept"))
            assert total["samples"] == named + sum(total["rejected"].values())
            assert [one.shard for one in run.shards] == list(range(len(run.shards)))
            assert run.kept == sum(file.rows for file in manifest.files if manifest.runs[file.run] is run)
        return hashlib.sha256("\n".join(sorted(smiles)).encode()).hexdigest(), len(smiles)

    return read


@pytest.fixture
def make(samplers, tmp_path):
    """`make(name, n, ...)`: a library of the sampler `draw`."""

    def made(name="lib", n=150, where=WHERE, source=None, config=SMALL, **more):
        return molgan.library(source or samplers.draw, n, tmp_path / name, where, config=config, quiet=True, **more)

    return made
