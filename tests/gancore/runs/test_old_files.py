"""Runs and models of earlier versions load, each with one note; `tests/old` holds some of every recipe."""

import json
import shutil
import warnings
from pathlib import Path

import pytest

import molgan
import seqgan
from gancore.errors import ConfigError
from molgan.gan import MolGAN
from seqgan.gan import SeqGAN

OLD = Path(__file__).parents[2] / "old"
FACES = {"molgan": (MolGAN, molgan.Config), "seqgan": (SeqGAN, seqgan.Config)}
EVERY = sorted(path.name for path in OLD.iterdir())
MODELS = [name for name in EVERY if not name.endswith("-run")]


@pytest.fixture
def noted():
    """Run a function; gives what it gives and the notes that it made."""

    def call(function):
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            return function(), [str(one.message) for one in notes]

    return call


def test_there_is_one_of_every_recipe():
    recipes = {f"{half}-{name}" for half, (face, _) in FACES.items() for name in face.domain.recipes}
    names = ("pix2pix", "cyclegan", "stargan", "gad", "leakgan", "maskgan")  # which no earlier version had
    later = {f"seqgan-{name}" for name in names}
    assert recipes - later - {"molgan-autoregressive"} | {"molgan-growing"} == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_an_old_model_samples_what_it_sampled(name, noted):
    face, _ = FACES[name.partition("-")[0]]
    model, notes = noted(lambda: face.load(OLD / name, "cpu"))
    assert len(notes) == 1
    assert "earlier version" in notes[0]
    assert list(model.sample(5, seed=1)) == json.loads((OLD / name / "samples.json").read_text())


@pytest.mark.parametrize("name", [name for name in EVERY if name.endswith("-run")])
def test_an_old_run_can_be_gone_on_with(name, noted, tmp_path):
    face, config = FACES[name.partition("-")[0]]
    run = tmp_path / "run"
    shutil.copytree(OLD / name, run)
    model, notes = noted(lambda: face.load(run, "cpu"))
    assert len(notes) == 1
    assert len(model.sample(3, seed=0)) == 3
    _, notes = noted(lambda: config.load(run / "config.toml"))
    assert len(notes) == 1


def test_an_old_file_of_settings_loads_with_one_note(tmp_path, noted):
    path = tmp_path / "old.toml"
    path.write_text('recipe = "autoregressive"\nsteps = 3\n\n[model]\nenvironments = 64\nring_environments = 16\n')
    config, notes = noted(lambda: molgan.Config.load(path))
    assert config.recipe == "autoregressive"
    assert (config.steps, config.model.fingerprint, config.model.ring_fingerprint) == (3, 64, 16)
    assert len(notes) == 1
    again, notes = noted(lambda: molgan.Config.load(path, ["model.environments=32"]))
    assert again.model.fingerprint == 32
    assert any("model.environments is now model.fingerprint" in text for text in notes)


def test_a_setting_of_another_recipe_is_unknown_and_the_message_names_the_recipe(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown key model\.noise; recipe one_shot or molgan has it"):
        molgan.Config.load("qm9-growing", ["model.noise=3"])
    with pytest.raises(ConfigError, match=r"unknown key relax\.sharpness; recipe gumbel has it, recipe seqgan has not"):
        seqgan.Config.load("small", ["relax.sharpness=3"])
    path = tmp_path / "mine.toml"
    path.write_text('recipe = "one_shot"\n\n[critic]\nrejections = 3\n')
    with pytest.raises(ConfigError, match=r"mine\.toml: unknown key critic\.rejections; recipe autoregressive has it"):
        molgan.Config.load(path)
    with pytest.raises(ConfigError, match="there is no such recipe, there are one_shot, autoregressive, molgan"):
        molgan.Config(recipe="oneshot")
