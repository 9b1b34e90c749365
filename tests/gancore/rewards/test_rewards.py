"""Rewards of molgan and seqgan that fail, are interrupted, score nothing or are spent; and rewards given to `fit`."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from gancore.errors import ConfigError, RewardError
from gancore.io.notes import Note
from gancore.runs.folder import RunFolder, read_log
from gancore.training.settings import CheckpointConfig, ReplayConfig
from molgan.gan import MolGAN
from molgan.recipes.autoregressive_config import AutoregressiveCriticConfig, AutoregressiveModelConfig
from molgan.recipes.config import DiversityConfig, PolicyRewardConfig, StageConfig
from molgan.recipes.molgan import MolGANRewardConfig
from molgan.recipes.one_shot_config import OneShotRewardConfig as MoleculeReward
from molgan.recipes.reward_shaping import reward_shaping
from molgan.scoring.definition import QED_ALONE, Component, PluginConfig, ScoreConfig
from molgan.scoring.desirability import Desirability
from molgan.scoring.scorer import Scorer
from seqgan.data.grammar import corpus
from seqgan.gan import SeqGAN
from seqgan.recipes.config import LikelihoodConfig
from seqgan.recipes.external_reward import RewardConfig
from seqgan.recipes.reinforce import PolicyConfig

LINES = corpus(60)
UP = Desirability("maximize", low=0.0, high=1.0)
SEVERAL = {"stages": (StageConfig(ScoreConfig(), 0.01),), "replay": ReplayConfig(5, 4)}
SEVERAL["diversity"] = DiversityConfig("identity", bucket=2, least=0.0)
WAYS = {
    "one_shot": {"reward": {"overlap": False, **SEVERAL}},
    "one_shot late": {"reward": {"overlap": True, "validity": 0.5}},
    "autoregressive": {"recipe": "autoregressive", "reward": {}},
    "molgan": {"recipe": "molgan", "reward": {}},
    "seqgan": {},
}


def longer(strings):
    """A reward that draws random numbers, as a careless one would: what is drawn must not depend on the failure."""
    return steady(strings) * (0.5 + np.random.rand() / 2)


def steady(strings):
    return np.array([min(1.0, len(text) / 20) for text in strings])


class Once:
    """A reward that fails at its n-th call, once."""

    def __init__(self, call, error, function=longer):
        self.calls, self.call, self.error, self.function = 0, call, error, function

    def __call__(self, strings):
        self.calls += 1
        scores = self.function(strings)
        if self.calls == self.call:
            raise self.error
        return scores


@pytest.fixture
def made(small_config, small_text_config, small_data):
    """`made(way)`: a model, and what it is fitted to; its weights move a little in 6 steps."""

    def make(way):
        if way == "seqgan":
            config = replace(small_text_config, steps=6, reward=RewardConfig(0.5, replay=ReplayConfig(5, 4)))
            return SeqGAN(config), LINES
        settings = WAYS[way]
        recipe = settings.get("recipe", "one_shot")
        common = {"steps": 6, "batch": 16, "monitor_every": 10_000}
        if recipe == "autoregressive":
            common |= {"steps": 3, "batch": 8, "critic": AutoregressiveCriticConfig(steps=2)}
            common["model"] = AutoregressiveModelConfig(8, pair=4, fingerprint=64, fingerprint_width=4)
            config = small_config.as_recipe(recipe, reward=PolicyRewardConfig(weight=0.5), **common)
        elif recipe == "molgan":
            config = small_config.as_recipe(recipe, reward=MolGANRewardConfig(weight=0.5), **common)
        else:
            reward = MoleculeReward(weight=0.5, **settings["reward"])
            config = replace(small_config, reward=reward, **common)
        if recipe != "molgan":
            config = replace(config, pretrain=replace(config.pretrain, steps=2))
        if recipe != "autoregressive":
            config = replace(config, critic=replace(config.critic, steps=2))
        return MolGAN(config), small_data

    return make


def without_stages(reward):
    """What leaves stages out of a reward that can have some."""
    return {"stages": ()} if hasattr(reward, "stages") else {}


def same(one, other):
    """Whether two models stand at the same place bit for bit; Python's generator aside, which type checks draw from."""
    (tensors, values), (others, expected) = one._training.state(), other._training.state()
    for told in (values, expected):
        del told["random"]["python"]
    assert tensors.keys() == others.keys()
    unequal = [name for name, tensor in tensors.items() if not torch.allclose(tensor, others[name], 0, 0, True)]
    assert not unequal
    return json.loads(json.dumps(values)) == json.loads(json.dumps(expected))


@pytest.mark.parametrize(
    ("way", "error"),
    [
        *((way, ValueError("no licence")) for way in WAYS),
        ("seqgan", KeyboardInterrupt()),
        ("one_shot late", KeyboardInterrupt()),
        ("molgan", SystemExit(3)),
    ],
)
def test_a_reward_that_fails_costs_nothing_but_its_turn(made, tmp_path, way, error):
    function = steady if way == "one_shot late" else longer  # a thread draws whenever it comes to it
    straight, data = made(way)
    straight.fit(data, out=tmp_path / "straight", quiet=True, reward=function)
    gan, _ = made(way)
    reward = Once(2, error, function)
    expected = RewardError if isinstance(error, ValueError) else type(error)
    with pytest.raises(expected) as raised:
        gan.fit(data, out=tmp_path / "r", quiet=True, reward=reward)
    saved = RunFolder(tmp_path / "r").steps()
    assert saved[-1] == gan._training.step > 0
    if expected is RewardError:
        where = f"Stopped after step {saved[-1]}: saved in {tmp_path / 'r'}; go on with --resume"
        assert str(raised.value).startswith("reward Once: failed with ValueError: no licence. " + where)
    again, _ = made(way)
    again.fit(data, out=tmp_path / "r", quiet=True, reward=reward, resume=True)
    assert same(again, straight)
    assert reward.calls > 2
    told = [list(read_log(tmp_path / folder / "metrics.jsonl")) for folder in ("straight", "r")]
    assert told[0] == told[1]
    assert again.sample(20) == straight.sample(20)


def test_it_may_fail_at_every_turn_of_a_phase(made, tmp_path):
    """The first turn of the phase, whose beginning must not be played twice, among them; and without a folder."""
    straight, data = made("seqgan")
    straight.fit(data, quiet=True, reward=longer)
    for call in range(1, 7):
        gan, _ = made("seqgan")
        with pytest.raises(RewardError):
            gan.fit(data, out=tmp_path / "r", quiet=True, reward=Once(1 if call == 1 else 2, OSError()), resume=True)
    again = made("seqgan")[0].fit(data, out=tmp_path / "r", quiet=True, reward=longer, resume=True)
    assert same(again, straight)
    gan, _ = made("seqgan")
    with pytest.raises(RewardError, match="no run folder was given, so it cannot be gone on with"):
        gan.fit(data, quiet=True, reward=Once(3, OSError()))
    assert len(gan.sample(3)) == 3
    gan.save(tmp_path / "kept")
    later = made("seqgan")[0].fit(data, out=tmp_path / "kept", quiet=True, reward=longer, resume=True)
    assert later._training.step == straight._training.step


def test_an_error_elsewhere_saves_nothing_half_done(made, tmp_path, monkeypatch):
    gan, data = made("one_shot")
    monkeypatch.setattr(type(gan.domain), "monitor", lambda self, model, data: lambda step, logs: 1 / (step != 7))
    with pytest.raises(ZeroDivisionError):
        gan.fit(data, out=tmp_path / "r", quiet=True, reward=longer)
    assert not RunFolder(tmp_path / "r").steps()


# Nothing to say ---------------------------------------------------------------------------------


def plugged(**plugin):
    return ScoreConfig(components=(QED_ALONE, Component("plugin", UP, name="docking", plugin=PluginConfig(**plugin))))


FALSE = {"command": (sys.executable, "-c", "import sys; sys.exit('no licence')"), "retries": 0}


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        ({"command": ("no-such-program",)}, r"no-such-program cannot be started \(No such file or directory\)"),
        (FALSE, "ended with exit code 1: no licence"),
        ({"url": "http://127.0.0.1:9/", "retries": 0}, "cannot be reached"),
    ],
)
@pytest.mark.parametrize("way", ["autoregressive", "molgan"])
def test_a_plugin_that_fails_for_all_stops_training_after_a_turn(made, way, plugin, why, tmp_path):
    gan, data = made(way)
    config = replace(gan.config, reward=replace(gan.config.reward, weight=0.5, score=plugged(**plugin)))
    with pytest.raises(RewardError, match=rf"plugin docking: failed for all \d+ molecules: {why}") as raised:
        MolGAN(config).fit(data, out=tmp_path / "r", quiet=True)
    pretrained = config.pretrain.steps if way != "molgan" else 0
    assert f"Stopped after step {pretrained}" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_plugin_that_fails_for_some_stops_nothing(made, tmp_path, monkeypatch):
    (tmp_path / "some_fail.py").write_text(
        "def some(smiles):\n    if any(sum(map(ord, text)) % 5 == 0 for text in smiles): raise ValueError('odd')\n"
        "    return [0.5] * len(smiles)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    gan, data = made("one_shot late")
    score = plugged(function="some_fail:some", retries=0)
    MolGAN(replace(gan.config, reward=MoleculeReward(weight=0.5, score=score))).fit(data, quiet=True)


def test_strings_that_are_no_molecules_are_nobodys_fault(small_text_config):
    config = replace(small_text_config, reward=RewardConfig(0.5))
    gan = SeqGAN(config).fit(LINES, quiet=True, reward=Scorer("qed", processes=0))
    assert gan.config.reward.weight == 0.5
    with pytest.raises(RewardError, match=r"reward silent: gave NaN for all \d+ strings of a turn and never"):
        SeqGAN(config).fit(LINES, quiet=True, reward=silent)


def silent(strings):
    return np.full(len(strings), np.nan)


# Spent ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["one_shot late", "molgan"])
def test_a_spent_budget_ends_training_and_tells_the_step(made, way, tmp_path):
    gan, data = made(way)
    reward = replace(gan.config.reward, budget=20, **without_stages(gan.config.reward))
    gan = MolGAN(replace(gan.config, steps=12, reward=reward)).fit(data, out=tmp_path / "r", quiet=True)
    scorer = gan.recipe.shaping.curriculum.reward
    pretrained = gan.config.pretrain.steps if way != "molgan" else 0
    played = gan._training._played - pretrained
    assert scorer.spent == 20
    assert 0 < played < 12
    events = [line["event"] for line in read_log(tmp_path / "r" / "metrics.jsonl") if "event" in line]
    end = "the reward's budget of 20 is spent (reward.when_spent)."
    assert f"adversarial: ended after {played} of at most 12 steps; {end}" in events
    going = MolGAN(replace(gan.config, reward=replace(reward, when_spent="go_on"))).fit(data, out=tmp_path / "on")
    assert going._training._played == going._training.step == pretrained + 12
    events = [line["event"] for line in read_log(tmp_path / "on" / "metrics.jsonl") if "event" in line]
    assert any("its budget of 20" in event for event in events)


def test_a_budget_is_gone_on_with_after_a_resume(made, tmp_path):
    gan, data = made("autoregressive")
    reward = replace(gan.config.reward, critic=0.5, weight=0.5, budget=30)
    config = replace(gan.config, checkpoint=CheckpointConfig(every=2), reward=reward)
    straight = MolGAN(config).fit(data, out=tmp_path / "s", quiet=True)
    spent = straight.recipe.shaping.curriculum.reward.state()
    assert 0 < len(spent) <= 30
    other = reward_shaping(config.reward)
    other.restore(json.loads(json.dumps(straight.recipe.shaping.state())))
    assert other.curriculum.reward.state() == spent
    assert other.curriculum.reward.spent == len(spent)


def test_a_scorer_with_a_budget_ends_text_training_too(small_text_config, qm9_smiles):
    few = Scorer("qed", processes=0, budget=3)
    data = replace(small_text_config.data, tokens="smiles")
    likelihood = LikelihoodConfig(epochs=25, batch=16, lr=0.02)
    config = replace(small_text_config, data=data, steps=30, likelihood=likelihood, reward=RewardConfig(0.5))
    gan = SeqGAN(config).fit(["C", "CC", "CO", "CN", "CCC", "CCO"] * 10, quiet=True, reward=few)
    assert few.spent == 3
    assert gan._training._played < gan._training.step


# Given to fit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["one_shot", "one_shot late", "autoregressive", "molgan"])
def test_a_reward_given_to_fit_takes_the_place_of_the_score(made, way):
    asked = []

    def oxygen(strings):
        asked.extend(strings)
        return [float("O" in text) for text in strings]

    gan, data = made(way)
    gan = MolGAN(replace(gan.config, reward=replace(gan.config.reward, **without_stages(gan.config.reward))))
    gan.fit(data, quiet=True, reward=oxygen)
    assert asked
    assert all(asked), "draws that are no molecule are not asked for"
    assert np.isfinite(Scorer("qed", processes=0)(asked)).all()
    if way == "autoregressive":
        return
    score = Scorer("qed", processes=0)
    whole = MolGAN(gan.config).fit(data, quiet=True)
    assert same(MolGAN(gan.config).fit(data, quiet=True, reward=score), whole), "the default score, given"


def test_what_a_given_reward_does_not_go_with(small_config, small_data):
    with pytest.raises(ConfigError, match=r"a reward was given, but reward.weight is 0"):
        MolGAN(small_config).fit(small_data, reward=longer)
    with pytest.raises(ConfigError, match=r"reward.budget and reward.cache are of reward.score"):
        MolGAN(replace(small_config, reward=MoleculeReward(weight=1.0, budget=3))).fit(small_data, reward=longer)


# Without lines ----------------------------------------------------------------------------------


def test_a_model_is_tuned_without_lines(small_text_config, tmp_path):
    begun = SeqGAN(small_text_config).fit(LINES, quiet=True)
    tuned = replace(
        small_text_config, likelihood=LikelihoodConfig(epochs=0), reward=RewardConfig(1.0, replay=ReplayConfig(5, 4))
    )
    gan = SeqGAN(tuned).fit(None, out=tmp_path / "r", quiet=True, start=begun, reward=longer)
    assert gan.provenance["data"]["lines"] == 0
    assert gan._training.step == tuned.steps
    figures = {name for line in read_log(tmp_path / "r" / "metrics.jsonl") for name in line}
    assert "generator/score" in figures
    assert "sample/unique" in figures
    assert not {"critic/adversarial", "valid/nll", "sample/recall", "sample/novel"} & figures
    assert gan.sample(5) != begun.sample(5)
    assert SeqGAN.load(tmp_path / "r").sample(5) == gan.sample(5)
    assert SeqGAN(tuned).fit(out=tmp_path / "r", quiet=True, start=begun, reward=longer, resume=True).sample(5)
    for more, what in (
        ({"reward": RewardConfig(0.9)}, "the critic learns from lines"),
        ({"policy": PolicyConfig("dense", likelihood=0.1)}, "policy.likelihood is that of lines"),
        ({"likelihood": LikelihoodConfig(epochs=1)}, "the likelihood learns from lines"),
    ):
        with pytest.raises(ConfigError, match=what):
            SeqGAN(replace(tuned, **more)).fit(quiet=True, start=begun, reward=longer)
    with pytest.raises(ConfigError, match="no lines were given: only a model that is tuned"):
        SeqGAN(tuned).fit(quiet=True, reward=longer)


def test_when_most_lines_do_not_fit_that_is_told_even_when_quiet(small_text_config):
    begun = SeqGAN(small_text_config).fit(LINES, quiet=True)
    strange = [*LINES[:3], *(f"{number} strange words that it lacks" for number in range(9))]
    with pytest.warns(Note, match=r"9 of 12 rows are left out of training, most often because of: tokens"):
        SeqGAN(small_text_config).fit(strange, quiet=True, start=begun)
