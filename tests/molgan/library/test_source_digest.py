"""A function or a sampler is known by what it does and holds, not by its name."""

import subprocess
import sys

import pytest

import molgan
from molgan.library.settings import LibraryConfig
from molgan.library.source_digest import digest_of


class Alkanes:
    def __init__(self, longest):
        self.longest, self.names = longest, {"methane", "ethane", "propane"}

    def sample(self, n, seed):
        return ["C" * (1 + (seed + k) % self.longest) for k in range(n)]


def chains(longest):
    def draw(n, seed):
        return ["C" * (1 + (seed + k) % longest) for k in range(n)]

    return draw


def nested(n, seed):
    def of(k):
        return "C" * (k + 1) if "C" in {"N", "O", "C"} else ""

    return [of(k) for k in range(n)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda n, seed: ["C"] * n, lambda n, seed: ["CC"] * n),
        (lambda n, seed: abs(n), lambda n, seed: hash(n)),
        (chains(3), chains(4)),
        (Alkanes(3), Alkanes(4)),
        (Alkanes(3).sample, Alkanes(4).sample),
        (lambda n, seed, of="C": [of] * n, lambda n, seed, of="N": [of] * n),
        (lambda n, seed: [str(k) for k in range(n)], lambda n, seed: [str(-k) for k in range(n)]),
    ],
)
def test_what_differs_has_another_digest(one, other):
    assert digest_of(one) != digest_of(other)
    assert digest_of(one) == digest_of(one)


def test_the_same_has_the_same_in_another_process():
    assert digest_of(chains(3)) == digest_of(chains(3))
    assert digest_of(Alkanes(3)) == digest_of(Alkanes(3))
    program = "from tests.molgan.library.test_source_digest import *; print(digest_of(nested), digest_of(Alkanes(3)))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert said == [digest_of(nested), digest_of(Alkanes(3))]


def test_another_sampler_of_a_class_adds_to_a_library(tmp_path):
    few = LibraryConfig(n=3, draws=20, workers=1)
    molgan.library(Alkanes(3), 3, tmp_path / "lib", config=few, quiet=True)
    made = molgan.library(Alkanes(5), 2, tmp_path / "lib", config=few, quiet=True)
    assert sorted(made.smiles(), key=len) == ["C", "CC", "CCC", "CCCC", "CCCCC"]
    assert len(made.manifest.runs) == 2
