"""The table of the GAN family: its files and figures are there, its settings are accepted, and nothing is left out."""

import importlib.util
import json
import re
from pathlib import Path
from typing import get_args

import pytest

import molgan
import molgan.__main__
import seqgan
import seqgan.__main__
from gancore.facade import family
from gancore.layers.conditioning import Conditioning
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.penalties import PENALTIES
from molgan.networks.architectures import ARCHITECTURES
from molgan.recipes import RECIPES as GRAPHS
from seqgan.recipes import RECIPES as TEXTS

ROOT = Path(__file__).parents[1]
UNIONS = {"molgan": molgan.Config, "seqgan": seqgan.Config}
MAINS = {"molgan": molgan.__main__.main, "seqgan": seqgan.__main__.main}
MEMBERS = {member.name: member for member in family.members()}
CHOICES = [(half, name) for name, member in MEMBERS.items() for half in member.choices]
PUBLISHED = re.compile(r"https://(arxiv\.org/abs/\d{4}\.\d{5}|arxiv\.org/abs/\d{4}\.\d{4}|doi\.org/|openreview\.net/)")


def configuration(half, name):
    choice = MEMBERS[name].choices[half]
    return UNIONS[half].load(choice.config, choice.settings)


@pytest.mark.parametrize("name", MEMBERS)
def test_its_files_are_there_and_it_has_a_paper(name):
    member = MEMBERS[name]
    assert member.files
    assert not [file for file in member.files if not (ROOT / file).is_file()]
    assert member.kind in family.KINDS
    assert 1950 < member.year < 2030
    assert PUBLISHED.match(member.url)
    assert member.choices


def test_names_are_different():
    assert len(MEMBERS) == len(family.members())


@pytest.mark.parametrize(("half", "name"), CHOICES)
def test_its_settings_are_accepted_and_taken(half, name):
    choice, config = MEMBERS[name].choices[half], configuration(half, name)
    assert config.explicit >= {setting.partition("=")[0] for setting in choice.settings}
    assert config == config.validated()


@pytest.mark.parametrize(("half", "name"), CHOICES)
def test_every_number_of_a_figure_is_on_its_page(half, name):
    choice = MEMBERS[name].choices[half]
    assert bool(choice.measured) == bool(choice.page)
    if choice.measured:
        page = (ROOT / choice.page).read_text(encoding="utf-8")
        numbers = re.findall(r"\d[\d.,]*\d|\d", choice.measured)
        assert numbers
        assert not [one for one in numbers if one not in page]


def test_nothing_is_left_out():
    """Every objective, penalty, way to hear a condition, recipe and architecture is selected by a row of each half."""
    configs = {half: [configuration(half, name) for one, name in CHOICES if one == half] for half in UNIONS}
    for half, recipes in (("molgan", set(GRAPHS)), ("seqgan", set(TEXTS) - {"mle"})):
        critics = [config.critic for config in configs[half] if hasattr(config, "critic")]
        assert {critic.objective for critic in critics} == set(OBJECTIVES)
        assert {getattr(critic, "penalty", "r1") for critic in critics} == set(PENALTIES)
        assert {getattr(critic, "conditioning", "projection") for critic in critics} == set(get_args(Conditioning))
        assert {config.recipe for config in configs[half]} == recipes
        plain = {"critics": 1, "pack": 1, "adversarial": 1.0}
        for setting in (
            *("spectral_norm", "max_weight", "noise", "smooth_real", "smooth_fake", "pack", "minibatch_kernels"),
            *(
                "feature_matching",
                "feature_mmd",
                "unroll",
                "critics",
                "critics_sharpness",
                "adversarial",
                "equilibrium",
            ),
        ):
            of_none = plain.get(setting, 0)
            assert any(getattr(critic, setting, of_none) != of_none for critic in critics), setting
    assert {getattr(config.model, "architecture", "") for config in configs["molgan"]} >= set(ARCHITECTURES)


def test_the_page_has_the_table():
    spec = importlib.util.spec_from_file_location("family_page", ROOT / "docs/family_page.py")
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.with_tables(text) == text, "run python docs/family_page.py"


@pytest.mark.parametrize("half", UNIONS)
def test_the_command_lists_what_the_half_has(half, command_line):
    run = command_line(half, MAINS[half])
    code, out, err = run("family", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == [name for one, name in CHOICES if one == half]
    for row in rows:
        assert UNIONS[half].load(row["config"], row["settings"])
        assert row["options"].startswith(f"--config {row['config']}")
    code, out, _ = run("family")
    assert code == 0
    assert all(name in out for one, name in CHOICES if one == half)
    assert out.count(f"{half} train --config") == out.count("measured:") == len(rows)
    assert run("family", "--quiet")[1] == out
