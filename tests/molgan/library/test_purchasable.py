"""The column `purchasable`. In place of the filter that is downloaded, tests have the small one of the package."""

import shutil
import sys
from urllib.error import URLError

import pytest

from gancore.errors import ConfigError, RunError
from molgan.chemistry.parsed_text import ParsedText
from molgan.library import purchasable as module
from molgan.library.purchasable import open_catalogue, purchasable

LACTATE = "C[C@H](O)C(=O)O"


@pytest.fixture(autouse=True)
def _anew():
    open_catalogue.cache_clear()
    yield
    open_catalogue.cache_clear()


@pytest.fixture
def molbloom(monkeypatch):
    """The package, with the filter that it brings along."""
    package = pytest.importorskip("molbloom")
    monkeypatch.setattr(module, "CATALOGUE", "zinc-instock-mini")
    return package


@pytest.fixture
def catalogue(molbloom, monkeypatch):
    """A catalogue of some molecules, and what was looked up in it."""
    listed, asked = {"NC(=O)c1ccc(F)cc1", "CCN(CC)C(N)=O", LACTATE}, []
    monkeypatch.setattr(molbloom, "buy", lambda smiles, **settings: asked.append(smiles) or smiles in listed)
    return asked


def bought(smiles):
    return purchasable(ParsedText(smiles).molecule)


def test_known_members_and_what_nobody_sells(molbloom):
    assert bought("NC(=O)c1ccc(F)cc1")
    assert bought("C(C)N(CC)C(=O)N")
    odd = ["C" * length + "OC#CC(F)(F)OSOS" + "C" * length + "Br" for length in range(1, 61)]
    assert sum(map(bought, odd)) < 14, "a share of 0.07, by molbloom's figure"


def test_open_stereochemistry_is_looked_up_isomer_by_isomer(catalogue):
    assert bought(LACTATE)
    assert not bought("C[C@@H](O)C(=O)O"), "its mirror image is not in the catalogue"
    catalogue.clear()
    assert bought("CC(O)C(=O)O"), "one of the two is"
    assert catalogue[0] == "CC(O)C(=O)O"
    catalogue.clear()
    assert not bought("OC(F)C(F)C(F)C(F)C(F)C(F)C(F)Cl")
    assert 10 < len(set(catalogue)) <= 1 + module.ISOMERS
    again = list(catalogue)
    catalogue.clear()
    bought("OC(F)C(F)C(F)C(F)C(F)C(F)C(F)Cl")
    assert catalogue == again, "the same every time"


def test_a_library_has_it_as_a_column(catalogue, make, tmp_path, content):
    (tmp_path / "some.smi").write_text("CCO\nCC(O)C(=O)O\nC[C@@H](O)C(=O)O\nNC(=O)c1ccc(F)cc1\n")
    made = make(n=2, where="purchasable", source=str(tmp_path / "some.smi"))
    frame = made.query("from library")
    assert frame["smiles"].tolist() == ["CC(O)C(=O)O", "NC(=O)c1ccc(F)cc1"]
    assert frame["purchasable"].tolist() == [True, True]
    assert made.info()["runs"][0]["counts"]["rejected"] == {"purchasable": 2}


def test_without_the_package_it_is_refused_before_the_first_sample(make, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "molbloom", None)
    with pytest.raises(ConfigError, match=r"^column purchasable: molbloom is not installed; pip install .*purchasab"):
        make(where="purchasable")
    assert not (tmp_path / "lib").exists()
    assert len(make(n=5)) == 5, "others do without"


def test_a_filter_that_cannot_be_downloaded(molbloom, make, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "CATALOGUE", "zinc-instock")
    monkeypatch.setattr(molbloom, "_DEFAULT_PATH", str(tmp_path / "cache"))

    def cut(smiles, **settings):
        (tmp_path / "cache" / "zinc-instock.bloom").write_bytes(b"BLOOM")
        raise URLError("Name or service not known")

    monkeypatch.setattr(molbloom, "buy", cut)
    with pytest.raises(RunError, match=r"cannot be loaded \(Name or service not known\); .*connect once") as refused:
        make(column=["purchasable"])
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "cache" / "zinc-instock.bloom").exists(), "a part would count as the whole"
    assert not (tmp_path / "lib").exists()


def test_a_filter_that_is_cut_or_another_is_refused(molbloom, monkeypatch, tmp_path):
    whole = sys.modules["molbloom"].__path__[0] + "/data/zinc-instock-mini.bloom"
    monkeypatch.setattr(module, "CATALOGUE", "zinc-instock")
    monkeypatch.setattr(molbloom, "_DEFAULT_PATH", str(tmp_path))
    shutil.copy(whole, tmp_path / "zinc-instock.bloom")
    open_catalogue()
    open_catalogue.cache_clear()
    with open(tmp_path / "zinc-instock.bloom", "r+b") as file:
        file.truncate(5_000_000)
    with pytest.raises(RunError, match="is no whole filter of molbloom; delete it"):
        open_catalogue()
    monkeypatch.setattr(module, "CATALOGUE", "zinc-instock-mini")
    monkeypatch.setattr(molbloom, "buy", lambda *_, **__: False)
    with pytest.raises(RunError, match=r"does not have NC\(=O\)c1ccc\(F\)cc1"):
        open_catalogue()


def test_nothing_is_printed(molbloom, monkeypatch, capfd):
    import ctypes

    buy, library = molbloom.buy, ctypes.CDLL(None)
    monkeypatch.setattr(molbloom, "buy", lambda *given, **more: library.puts(b"loading") and buy(*given, **more))
    open_catalogue()
    print("results")
    assert capfd.readouterr().out == "results\n"
