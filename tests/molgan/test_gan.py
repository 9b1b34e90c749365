import json
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch

from gancore.errors import ConfigError, DivergedError, RunError
from gancore.io.background_call import BackgroundCall
from gancore.io.config import bundled
from gancore.runs import checkpoint
from gancore.runs.folder import find
from gancore.training.settings import ReplayConfig
from gancore.types import Sampler
from molgan import chemistry
from molgan.data.dataset import MoleculeDataset
from molgan.gan import MolGAN
from molgan.recipes.autoregressive_config import AutoregressiveModelConfig
from molgan.recipes.config import Config, DiversityConfig, StageConfig
from molgan.recipes.domain import build
from molgan.recipes.one_shot_config import (
    AutoencoderConfig,
    OneShotCriticConfig,
    OneShotModelConfig,
    OneShotRewardConfig,
)
from molgan.scoring.benchmarks import DRUGLIKE, SCORES
from molgan.scoring.scorer import Scorer


@pytest.fixture
def rewarded(small_config):
    """Every kind of turn there is, and all that steers."""
    reward = OneShotRewardConfig(
        critic=1.0,
        validity=1.0,
        weight=1.0,
        score=DRUGLIKE,
        stages=(StageConfig(SCORES["qed"], 0.01),),
        diversity=DiversityConfig("similarity", bucket=2, least=0.1),
        replay=ReplayConfig(size=5, batch=3, weight=0.1),
        share=0.25,
        draws=2,
        start=0.0,
    )
    return replace(small_config, reward=reward)


def test_same_seed_same_bytes_same_molecules(small_config, small_data, tmp_path, run_state):
    first = MolGAN(small_config).fit(small_data, out=tmp_path / "a", quiet=True)
    torch.rand(7)
    second = MolGAN(small_config).fit(small_data, out=tmp_path / "b", quiet=True)
    assert run_state(tmp_path / "a") == run_state(tmp_path / "b")
    assert first.sample(30, seed=0) == second.sample(30, seed=0)
    assert first.sample(30, seed=0) != first.sample(30, seed=1)
    other = MolGAN(replace(small_config, seed=1)).fit(small_data, quiet=True)
    assert other.sample(30, seed=0) != first.sample(30, seed=0)


@pytest.mark.parametrize(
    ("cuts", "how"), [((2, 4, 7), ""), ((7,), "overlap"), ((2, 7), "autoregressive"), ((7,), "molgan")]
)
def test_stopped_and_resumed_equals_straight_through(rewarded, small_data, tmp_path, dying_after, cuts, how, run_state):
    """Killed in pre-training, at the border, and in the adversarial phase, one after the other; each recipe.

    In the adversarial phase with a score under way, too.
    """
    config = replace(rewarded, checkpoint=replace(rewarded.checkpoint, every=1))
    config = replace(config, reward=replace(config.reward, overlap=how == "overlap"))
    if how == "autoregressive":
        model = AutoregressiveModelConfig(recurrent=8, pair=8, dropout=0.3, fragments=0.5, random_order=0.3)
        config = config.as_recipe(how, model=model)
    if how == "molgan":
        config = config.as_recipe(how, steps=10)
    MolGAN(config).fit(small_data, out=tmp_path / "straight", quiet=True)

    for cut in cuts:
        with dying_after(cut):
            MolGAN(config).fit(small_data, out=tmp_path / "cut", resume=(tmp_path / "cut").exists(), quiet=True)
        torch.rand(3)
    MolGAN(config).fit(small_data, out=tmp_path / "cut", resume=True, quiet=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")
    straight, resumed = ((tmp_path / name / "metrics.jsonl").read_text() for name in ("straight", "cut"))
    assert [json.loads(line)["step"] for line in resumed.splitlines()] == [2, 4, 6, 8, 10]
    assert straight == resumed


def test_when_an_overlapped_score_is_worked_out_does_not_matter(rewarded, small_data, tmp_path, monkeypatch, run_state):
    """At once, or only when it is asked for, as after a resume; the stage of the score changes on the way."""
    config = replace(rewarded, reward=replace(rewarded.reward, overlap=True))

    def at_once(self, *arrays):
        self._started = arrays, _Done(self.function(*arrays))

    def not_yet(self, *arrays):
        pass

    for name, start in (("at once", at_once), ("late", not_yet)):
        with monkeypatch.context() as patch:
            patch.setattr(BackgroundCall, "start", start)
            MolGAN(config).fit(small_data, out=tmp_path / name, quiet=True)
    assert run_state(tmp_path / "at once") == run_state(tmp_path / "late")
    stored = checkpoint.read(max((tmp_path / "late" / "checkpoints").iterdir()))
    assert stored.values["memories"]["steering"]["curriculum"][0] == 1


class _Done(NamedTuple):
    """A future that is done."""

    answer: object

    def result(self):
        return self.answer


def test_what_a_kill_leaves_behind_is_resumed(small_config, small_data, tmp_path, run_state):
    """A save killed between its renames, and a line of metrics cut in the middle."""
    MolGAN(small_config).fit(small_data, out=tmp_path / "r", quiet=True)
    before = run_state(tmp_path / "r")
    newest = max((tmp_path / "r" / "checkpoints").iterdir())
    newest.rename(newest.with_name(newest.name + ".old.tmp"))
    with open(tmp_path / "r" / "metrics.jsonl", "a") as log:
        log.write('{"step": 1')
    with pytest.raises(RunError, match="holds a trained run already"):
        MolGAN(small_config).fit(small_data, out=tmp_path / "r", quiet=True)
    MolGAN(small_config).fit(small_data, out=tmp_path / "r", resume=True, quiet=True)
    assert run_state(tmp_path / "r") == before
    assert all(json.loads(line) for line in (tmp_path / "r" / "metrics.jsonl").read_text().splitlines())


def test_a_run_of_no_steps_saves_and_resumes(small_config, small_data, tmp_path):
    config = replace(small_config, steps=0, pretrain=AutoencoderConfig(steps=0))
    for resume in (False, True):
        MolGAN(config).fit(small_data, out=tmp_path / "r", resume=resume, quiet=True)
    assert len(MolGAN.load(tmp_path / "r").sample(3)) == 3


def test_divergence_stops_with_a_sentence_and_saves_nothing(small_config, small_data, tmp_path):
    config = replace(small_config, lr=1e30, checkpoint=replace(small_config.checkpoint, every=1))
    with pytest.raises(DivergedError, match=r"step \d+: .* training has diverged.* Going back 3 times did not help"):
        MolGAN(config).fit(small_data, out=tmp_path / "r", quiet=True)
    tensors = find(tmp_path / "r").tensors()
    assert all(torch.isfinite(tensor).all() for name, tensor in tensors.items() if name.startswith("averaged"))


def test_resume_refuses_other_settings_and_other_data(small_config, small_data, tmp_path):
    MolGAN(small_config).fit(small_data, out=tmp_path / "r", quiet=True)
    with pytest.raises(RunError, match=r"differs in lr \(0.0005 then, 0.1 now\)"):
        MolGAN(replace(small_config, lr=0.1)).fit(small_data, out=tmp_path / "r", resume=True, quiet=True)
    other = MoleculeDataset.from_smiles(small_data.smiles[:-1])
    with pytest.raises(RunError, match="trained on other data"):
        MolGAN(small_config).fit(other, out=tmp_path / "r", resume=True, quiet=True)
    with pytest.raises(RunError, match="holds a trained run already"):
        MolGAN(small_config).fit(small_data, out=tmp_path / "r", quiet=True)


def test_save_load_sample(small_config, small_data, tmp_path, run_state):
    gan = MolGAN(small_config).fit(small_data, quiet=True)
    gan.save(tmp_path / "r")
    loaded = MolGAN.load(tmp_path / "r")
    assert isinstance(loaded, Sampler)
    assert loaded.sample(40, seed=3) == gan.sample(40, seed=3)
    assert loaded.config == gan.config
    assert loaded.provenance["data"]["molecules"] == len(small_data)
    loaded.save(tmp_path / "again")
    assert run_state(tmp_path / "r") == run_state(tmp_path / "again")


def test_sampling_leaves_the_global_state_alone_and_its_prefix_fixed(small_config, small_data):
    gan = MolGAN(small_config).fit(small_data, quiet=True)
    state = torch.get_rng_state()
    many = gan.sample(1500, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    assert gan.sample(10, seed=0) == many[:10]
    assert gan.sample(0) == []
    assert all(many), "repaired draws of an untrained generator are valid too"
    raw = gan.sample(1500, seed=0, raw=True)
    assert None in raw
    assert all(a == b for a, b in zip(raw, many, strict=True) if a is not None), "repair leaves valid draws alone"
    assert {chemistry.judge(text).smiles for text in many[:50]} == set(many[:50])


def test_no_weights_no_sample(small_config, tmp_path):
    with pytest.raises(RunError, match="call fit"):
        MolGAN(small_config).sample(1)
    with pytest.raises(RunError, match="no run here"):
        MolGAN.load(tmp_path)


def test_vocabulary_of_its_own_for_data_that_qm9_lacks(small_config):
    smiles = ["CS(=O)(=O)Nc1ccccc1Cl", "C[N+](C)(C)CC([O-])=O", "CB(O)OCCBr", "C[Si](C)(C)CI", "OP(=O)(O)OC"] * 3
    gan = MolGAN(replace(small_config, data=replace(small_config.data, min_atom_share=0.0))).fit(smiles, quiet=True)
    drawn = gan.sample(50, seed=0)
    assert all(drawn)
    assert any(any(symbol in text for symbol in ("S", "P", "B", "I")) for text in drawn if text)


@pytest.mark.parametrize("smiles", [["C", "O"], ["C", "CC"], ["CCO", "CCN"]])
def test_the_smallest_data_sets_train(smiles):
    gan = MolGAN(Config.load("qm9", ["steps=1", "pretrain.steps=1", "device=cpu"])).fit(smiles, quiet=True)
    assert all(gan.sample(5))


def turn_and_moved(gan, data, turn):
    """Which modules a turn's gradient reaches."""
    losses = turn(next(data), 10_000)
    for module in gan.modules.values():
        for p in module.parameters():
            p.grad = None
    sum(value.mean() for name, value in losses.items() if not name.startswith("_")).backward()
    return {
        name: any(p.grad is not None and bool(p.grad.any()) for p in module.parameters())
        for name, module in gan.modules.items()
    }


def test_each_turn_of_the_recipe_reaches_its_own_networks(rewarded, small_data):
    gan, phases = build(rewarded, small_data, torch.device("cpu"))
    pretrain, adversarial = phases
    reached = turn_and_moved(gan, pretrain.batches, gan.autoencoder_turn)
    assert reached == {"generator": True, "encoder": True, "critic": False, "averaged": False}
    assert turn_and_moved(gan, adversarial.batches, gan.critic_turn) == {
        "generator": False,
        "encoder": False,
        "critic": True,
        "averaged": False,
    }
    losses = gan.generator_turn(next(adversarial.batches), 10_000)
    assert set(losses) == {"adversarial", "bound", "policy", "anchor", "replay", "_connected", "_score"}
    for name in ("adversarial", "bound", "policy", "replay"):
        gan.generator.zero_grad()
        losses[name].mean().backward(retain_graph=True)
        assert any(p.grad.any() for p in gan.generator.parameters() if p.grad is not None), name


def test_the_anchor_is_zero_where_the_generator_is_its_average(rewarded, small_data):
    gan, (_, adversarial) = build(rewarded, small_data, torch.device("cpu"))
    noise, present = gan.noise(16), next(adversarial.batches).sample[0].sum(-1) > 0.5
    assert gan.reward_terms(noise, gan.draw(noise, present))["anchor"].item() == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        gan.generator.bonds.bias += torch.randn_like(gan.generator.bonds.bias)
    assert gan.reward_terms(noise, gan.draw(noise, present))["anchor"].item() > 0.001


def test_the_reward_of_invalid_graphs_is_nothing(rewarded, small_data):
    rewarded = replace(rewarded, reward=replace(rewarded.reward, diversity=DiversityConfig()))
    gan, (_, adversarial) = build(rewarded, small_data, torch.device("cpu"))
    real = next(adversarial.batches).sample
    drawn = gan.draw(gan.noise(len(real[0])), real[0].sum(-1) > 0.5)
    earned, figures = gan.rewards(drawn, gan.score(drawn.atoms.numpy(), drawn.orders.numpy()))
    earned = earned - gan.adversary.logits(drawn.hard).detach()  # the critic's share, the same for all
    smiles = [
        chemistry.strict_smiles(m) for m in chemistry.decode(drawn.atoms.numpy(), drawn.orders.numpy(), gan.vocabulary)
    ]
    for text, reward in zip(smiles, earned.tolist(), strict=True):
        expected = 0.0 if text is None else 1.0 + Scorer("qed")([text])[0]
        assert reward == pytest.approx(expected, abs=1e-5)
    assert figures["_connected"].item() == pytest.approx(sum(t is not None for t in smiles) / len(smiles))


def test_overlapped_rewards_are_those_of_the_turn_before(rewarded, small_data):
    """The draws and scores of one turn, the log-probabilities of the next."""
    config = replace(rewarded, reward=replace(rewarded.reward, overlap=True, critic=0.0))
    gan, (_, adversarial) = build(config, small_data, torch.device("cpu"))
    present = next(adversarial.batches).sample[0].sum(-1) > 0.5
    first, second = gan.noise(16), gan.noise(16)
    assert gan.reward_terms(first, gan.draw(first, present)) == {}
    atoms, orders = gan.late.atoms.clone(), gan.late.orders.clone()
    with torch.no_grad():
        gan.generator.bonds.bias += 0.1 * torch.randn_like(gan.generator.bonds.bias)
    game = gan.draw(second, present)
    found = gan.reward_terms(second, game)
    _, scores = gan.score(atoms.numpy(), orders.numpy())
    assert found["_score"].item() == pytest.approx(scores[scores > 0].mean(), abs=1e-5)
    assert not torch.equal(gan.late.atoms, atoms), "this turn's draws wait for the next"
    found["policy"].backward()
    assert gan.generator.bonds.bias.grad.abs().sum() > 0
    third = gan.reward_terms(second, game)
    _, again = gan.score(gan.late.atoms.numpy(), gan.late.orders.numpy())
    assert torch.isfinite(third["policy"])
    assert (gan.scores.result(gan.late.atoms.numpy(), gan.late.orders.numpy())[1] == again).all()


def test_what_steers_is_in_the_checkpoint(rewarded, small_data, tmp_path):
    gan = MolGAN(replace(rewarded, steps=12)).fit(small_data, out=tmp_path / "r", quiet=True)
    held = find(tmp_path / "r").values["memories"]["steering"]
    assert held == json.loads(json.dumps(gan.recipe.shaping.state()))
    assert held["curriculum"][0] == 1, "the easy stage was over"
    assert 1 <= len(held["replay"]) <= 5
    assert max(held["diversity"]["counts"].values()) <= 2
    assert set(held["diversity"]["key"]) >= set(held["diversity"]["counts"])
    assert gan._training.latest["generator/replay"] > 0


def test_policy_gradient_on_validity_learns_in_seconds(small_data):
    """No adversary, no bound: the reward alone must raise the share of connected graphs."""
    config = Config(
        steps=60,
        batch=64,
        device="cpu",
        lr=3e-3,
        average=0.9,
        model=OneShotModelConfig(noise=4, generator=(32,), critic=(4,), encoder=(4,)),
        pretrain=AutoencoderConfig(steps=0),
        critic=OneShotCriticConfig(penalty_weight=0.0),
        reward=OneShotRewardConfig(critic=0.0, validity=5.0, kl=0.0, share=1.0, draws=4, start=0.0),
    )
    before = MolGAN(replace(config, steps=0)).fit(small_data, quiet=True)
    after = MolGAN(config).fit(small_data, quiet=True)
    share = [sum(text is not None for text in gan.sample(1000, raw=True)) / 1000 for gan in (before, after)]
    assert share[1] > share[0] + 0.1, share


@pytest.mark.parametrize("name", bundled("molgan"))
def test_bundled_configurations_load_and_round_trip(name, tmp_path):
    config = Config.load(name)
    (tmp_path / "c.toml").write_text(config.dump())
    assert Config.load(tmp_path / "c.toml") == config


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["critic.objective=wasserstein", "critic.penalty_weight=0"], "needs a slope penalty"),
        (["reward.score.components=[]"], "nothing to score"),
        (["reward.score=charm"], "no score of that name; there are albuterol_similarity"),
        (["model.generator=[]"], "model.generator"),
        (["batch=0"], "batch = 0"),
        (["stepz=1"], "did you mean steps"),
        (["recipe=autoregressive", "critic.objective=wasserstein"], "critic.objective = 'wasserstein'"),
        (["recipe=autoregressive", "reward.validity=1"], "unknown key reward.validity; recipe one_shot has it"),
        (["recipe=autoregressive", "bound=0", "reward.critic=0"], "nothing to learn from"),
        (["recipe=autoregressive", "batch=1"], "set batch to 2 or more"),
    ],
)
def test_settings_that_cannot_learn_are_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        Config.load("qm9", overrides)


def test_unknown_configuration_names_the_bundled_ones():
    with pytest.raises(
        ConfigError,
        match="conditional, default, drug, drug-first, drug-gpu, latent, molgan, moses, moses-cpu, moses-cpu-first, "
        "moses-first, moses-rings, qm9",
    ):
        Config.load("qm10")


def test_every_objective_and_penalty_trains(small_config, small_data):
    for objective in ("wasserstein", "hinge", "non_saturating"):
        for penalty in ("wgan_gp", "r1_r2", "finite_r1_r2"):
            critic = OneShotCriticConfig(objective=objective, penalty=penalty, penalty_weight=0.1, penalty_every=1)
            gan = MolGAN(replace(small_config, critic=critic, pretrain=AutoencoderConfig(steps=0), steps=2)).fit(
                small_data, quiet=True
            )
            latest = gan._training.latest
            assert latest["critic/penalty"] > 0, (objective, penalty)
            assert latest["critic/gradient"] > 0 < latest["generator/gradient"], (objective, penalty)


def test_tuning_begins_with_a_trained_model(tmp_path, small_config, qm9_smiles):
    gan = MolGAN(small_config).fit(qm9_smiles, out=tmp_path / "run", quiet=True)
    still = replace(small_config, steps=0, pretrain=replace(small_config.pretrain, steps=0))
    mine = [*qm9_smiles[:50], "CCBr", "C" * 12]
    tuned = MolGAN(still).fit(mine, start=tmp_path / "run", out=tmp_path / "tuned", quiet=True)
    assert tuned.recipe.vocabulary == gan.recipe.vocabulary
    for name, tensor in gan.recipe.averaged.state_dict().items():
        assert torch.equal(tuned.recipe.averaged.state_dict()[name], tensor)
    rejected = (tmp_path / "tuned/rejected.csv").read_text()
    assert "atom type Br, which the model does not have" in rejected
    assert "12 heavy atoms, the model holds 9" in rejected
    moved = MolGAN(replace(still, steps=2)).fit(qm9_smiles[:50], start=gan, quiet=True)
    assert len(moved.sample(5)) == 5
    with pytest.raises(ConfigError, match="its networks have other sizes"):
        MolGAN(replace(still, model=replace(still.model, noise=9))).fit(qm9_smiles, start=gan, quiet=True)
    with pytest.raises(ConfigError, match="another vocabulary"):
        gan.fit(MoleculeDataset.from_smiles(["CCBr"] * 3 + ["CCCl"]), start=gan, quiet=True)
    weights = gan.recipe.averaged.state_dict()
    gan.config = still
    gan.fit(qm9_smiles, start=gan, quiet=True)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in gan.recipe.averaged.state_dict().items())


@pytest.mark.parametrize("wrong", [{"batch": -3}, {"log_every": 0}, {"temperature": 0.0}])
def test_a_configuration_made_in_python_is_checked_too(wrong):
    with pytest.raises(ConfigError, match=f"{next(iter(wrong))} = "):
        MolGAN(Config(**wrong))


@pytest.mark.parametrize(("before", "after"), [(True, False), (True, True)])
def test_draws_under_way_are_not_taken_over(rewarded, small_data, before, after):
    begun = MolGAN(replace(rewarded, reward=replace(rewarded.reward, overlap=before))).fit(small_data, quiet=True)
    config = replace(rewarded, batch=8, steps=0, reward=replace(rewarded.reward, overlap=after))
    tuned = MolGAN(config).fit(small_data, start=begun, quiet=True)
    assert not after or not tuned.recipe.late.filled


@pytest.mark.parametrize("recipe", ["one_shot", "autoregressive"])
def test_molecules_that_read_as_others_are_not_learnt_again(rewarded, recipe):
    """RDKit reads O=P(O)=N as charged phosphorus, of which the vocabulary has none."""
    config = rewarded.as_recipe(recipe, steps=8)
    reward = replace(config.reward, stages=(), replay=ReplayConfig(size=200), score=SCORES["qed"])
    if recipe == "one_shot":
        reward = replace(reward, validity=0.0, share=1.0)
    config = replace(config, reward=reward)
    gan = MolGAN(config).fit(["COP(=O)(O)OC", "CN=C", "CCN", "CCO", "CNC"] * 4, quiet=True)
    drawn = [text for text in gan.sample(300) if text]
    assert drawn == [chemistry.flat(text) for text in drawn]
    assert not gan.recipe.vocabulary.graphs(["CN=[P+]([O-])O"])
    assert [graph.smiles for graph in gan.recipe.vocabulary.graphs(["CCO"])] == ["CCO"]


def test_recipe_and_sizes_come_from_the_start_unless_they_are_set(tmp_path, qm9_smiles):
    """`train --start MODEL --config steer`: the configuration names neither."""
    tiny = ["model.recurrent=8", "model.pair=4", "model.fingerprint=64", "model.dropout=0", "device=cpu"]
    short = ["pretrain.steps=2", "critic.pretrain=1", "data.hold_out=0"]
    begun = MolGAN(Config.load("qm9-growing", [*tiny, *short])).fit(qm9_smiles, out=tmp_path / "run", quiet=True)
    few = ["steps=1", "batch=8", "device=cpu"]
    for config in (Config.load("steer", few), Config.load("default", [*few, "pretrain.steps=0"])):
        tuned = MolGAN(config).fit(qm9_smiles[:40], start=tmp_path / "run", quiet=True)
        assert tuned.config.recipe == "autoregressive"
        assert tuned.config.model == begun.config.model
        assert tuned.config.steps == 1
    with pytest.raises(ConfigError, match="its networks have other sizes"):
        MolGAN(Config.load("steer", [*few, "model.pair=5"])).fit(qm9_smiles, start=begun, quiet=True)
    with pytest.raises(ConfigError, match=r"unknown key model\.noise; recipe one_shot or molgan has it"):
        MolGAN(Config.load("default", [*few, "model.noise=5"])).fit(qm9_smiles, start=begun, quiet=True)
