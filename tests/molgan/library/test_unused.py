"""How a library's model draws: in one chunk, as precisely as is asked, and no shard that the run does not need."""

import pandas as pd
import pytest

import molgan
from gancore.errors import ConfigError
from gancore.sampling.chunks import chunks, large_chunks
from molgan.library import build
from molgan.library.query import LibraryFolder
from molgan.library.workers import Here
from tests.molgan.library import samplers


def molecules(library):
    return pd.DataFrame(library.query("select smiles, shard, draw from library"))


def test_a_model_draws_the_same_whatever_the_number_of_workers(tmp_path):
    made = [
        molgan.library(
            "moses",
            out=tmp_path / str(workers),
            config=molgan.library.LibraryConfig(n=150, where="qed > 0.4", draws=100, workers=workers),
            ceiling=1.5,
            quiet=True,
        )
        for workers in (1, 2)
    ]
    one, two = map(molecules, made)
    assert len(one) == 150
    assert one["shard"].nunique() > 1
    assert one.equals(two)


def test_few_shards_are_begun_that_the_run_does_not_need(tmp_path, monkeypatch):
    """Every sample passes, so that shards of ten give ten each: ten are enough, and ten are made."""
    asked = []

    class Counted:
        ahead = 5

        def __init__(self, plan):
            self.here = Here(plan)

        def ask(self, shard):
            asked.append(shard)
            self.here.ask(shard)

        def next(self, seconds):
            return self.here.next(seconds)

        def close(self):
            self.here.close()

    monkeypatch.setattr(build, "workers_of", lambda plan, processes, scheduler: Counted(plan))
    config = molgan.library.LibraryConfig(n=95, draws=10, workers=1)
    made = molgan.library(numbered, out=tmp_path / "lib", config=config, quiet=True)
    assert asked == list(range(10))
    assert made.info()["runs"][0]["unused"] == {"shards": 0, "samples": 5}
    assert "5 samples of the last shard, 0 shards beyond it" in str(LibraryFolder(tmp_path / "lib"))


def numbered(n, seed):
    """Chains that no other seed gives."""
    return ["C" * (1 + place) + "".join("NO"[seed >> bit & 1] for bit in range(30)) for place in range(n)]


def test_shards_that_may_be_missing_are_begun_at_once(tmp_path):
    """Of a filter that few pass there is no telling before the first shard: the run ends all the same."""
    config = molgan.library.LibraryConfig(n=30, where="qed > 0.6", draws=40, workers=2)
    made = molgan.library(samplers.draw, out=tmp_path / "lib", config=config, quiet=True)
    assert len(made) == 30
    assert made.info()["runs"][0]["unused"]["shards"] <= 3  # what may be under way at a time


def test_large_chunks_hold_all_and_no_more():
    with large_chunks():
        assert list(chunks(1)) == [(0, 1, 1)]
        sizes = [size for _, size, kept in chunks(10_001) if size == kept]
        assert sum(sizes) == 10_001
        assert max(sizes) - min(sizes) <= 1
        assert max(sizes) <= 2000
        assert list(chunks(0)) == []
    assert next(iter(chunks(5))) == (0, 50, 5)


def test_precision_is_a_request(tmp_path):
    model = molgan.MolGAN.load("moses")
    assert model.sample(20, raw=True) == model.sample(20, raw=True, precision="float32")
    assert all(model.sample(20, raw=True, precision="bfloat16"))
    with pytest.raises(ConfigError, match="precision must be one of float32, bfloat16; got 'int8'"):
        model.sample(1, precision="int8")  # pyright: ignore
    other = molgan.MolGAN(molgan.Config.load("default", ["steps=0", "pretrain.steps=1"])).fit(
        ["CCO", "CCN"], quiet=True
    )
    with pytest.raises(ConfigError, match="precision: recipe one_shot has no precision; take one that has"):
        other.sample(1, precision="bfloat16")
    keys = [
        molgan.library(
            "moses", 5, tmp_path / str(precision), quiet=True, config=SMALL, precision=precision
        ).manifest.runs[0]
        for precision in (None, "bfloat16")
    ]
    assert keys[0].key != keys[1].key
    assert "bfloat16" in keys[1].source["request"]


SMALL = molgan.library.LibraryConfig(draws=20, workers=1)
