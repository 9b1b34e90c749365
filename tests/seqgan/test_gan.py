import json
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from gancore.errors import CheckpointError, ConfigError, DataError, RunError
from gancore.io.config import bundled
from gancore.runs import checkpoint
from gancore.runs.folder import RunFolder, find
from gancore.training.settings import ReplayConfig
from gancore.types import CriticOutput, Reward, Sampler
from molgan.scoring.scorer import Scorer
from seqgan.data.grammar import corpus
from seqgan.data.settings import DataConfig
from seqgan.gan import SeqGAN
from seqgan.networks.architectures import GeneratorConfig
from seqgan.recipes.config import Config, LikelihoodConfig
from seqgan.recipes.external_reward import DiversityConfig, RewardConfig, load_reward
from seqgan.recipes.gumbel import GumbelCriticConfig
from seqgan.recipes.reinforce import PolicyConfig

LINES = corpus(60)


@pytest.fixture
def config(small_text_config):
    return replace(
        small_text_config,
        steps=3,
        log_every=1,
        model=GeneratorConfig(embedding=8, width=8, dropout=0.2),
        likelihood=LikelihoodConfig(epochs=3, batch=16),
        critic=replace(small_text_config.critic, steps=2),
        policy=PolicyConfig("dense", baseline="moving", likelihood=0.1),
    )


def test_it_is_a_sampler_and_takes_rewards(config):
    assert isinstance(SeqGAN(config), Sampler)
    assert isinstance(Scorer(), Reward)


@pytest.mark.parametrize("recipe", ["mle", "seqgan", "gumbel", "residual"])
def test_resume_goes_on_bit_for_bit(config, tmp_path, monkeypatch, dying_after, recipe, run_state):
    """Killed in the likelihood phase, while the critic is alone, and twice in the game, and resumed each time."""
    config = replace(config, checkpoint=replace(config.checkpoint, every=1))
    if recipe == "gumbel":
        critic = GumbelCriticConfig("textcnn", embedding=8, width=8, filters=0.05, pretrain=2, steps=2)
        config = config.as_recipe(recipe, critic=critic)
    elif recipe != "seqgan":
        config = config.as_recipe(recipe)
    if recipe == "seqgan":
        diversity, replay = DiversityConfig("identity", bucket=1, least=0.1), ReplayConfig(size=4, batch=3)
        reward = RewardConfig(0.5, "test_rewards:vowels", diversity=diversity, replay=replay)
        config = replace(config, reward=reward)
        (tmp_path / "test_rewards.py").write_text(
            "import numpy as np\ndef vowels(texts): return np.array([min(1, text.count('a') / 10) for text in texts])\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
    SeqGAN(config).fit(LINES, out=tmp_path / "straight", quiet=True)

    for cut in (1, 3, 5) if recipe == "mle" else (2, 8, 10, 12):
        with dying_after(cut):
            SeqGAN(config).fit(LINES, out=tmp_path / "cut", resume=(tmp_path / "cut").exists(), quiet=True)
        torch.rand(3)
    SeqGAN(config).fit(LINES, out=tmp_path / "cut", resume=True, quiet=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")


def test_an_early_stop_survives_a_resume(config, tmp_path, monkeypatch, run_state):
    """A phase that ended before its time is not gone on with."""
    likelihood = LikelihoodConfig(epochs=50, batch=16, lr=0.3, patience=1)
    config = replace(config, likelihood=likelihood, checkpoint=replace(config.checkpoint, every=1))
    straight = SeqGAN(config).fit(LINES, out=tmp_path / "straight", quiet=True)
    assert straight._training.phases[0].steps.stop == 50 * 4
    lines = [json.loads(line) for line in (tmp_path / "straight" / "metrics.jsonl").read_text().splitlines()]
    stopped = max(line["step"] for line in lines if "likelihood/nll" in line)
    assert stopped < 50 * 4
    save = RunFolder.save

    def save_then_die(self, step, *state):
        save(self, step, *state)
        if step == 50 * 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save_then_die)
        with pytest.raises(KeyboardInterrupt):
            SeqGAN(config).fit(LINES, out=tmp_path / "cut", quiet=True)
    SeqGAN(config).fit(LINES, out=tmp_path / "cut", resume=True, quiet=True)
    assert run_state(tmp_path / "straight") == run_state(tmp_path / "cut")


def test_loading_in_a_new_process_gives_the_same_texts(config, tmp_path):
    gan = SeqGAN(config).fit(LINES, out=tmp_path / "run", quiet=True)
    here = gan.sample(30, seed=5, temperature=0.8)
    code = (
        "import sys; from seqgan import SeqGAN; "
        "print('\\n'.join(SeqGAN.load(sys.argv[1]).sample(30, seed=5, temperature=0.8)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == here
    loaded = SeqGAN.load(tmp_path / "run")
    loaded.save(tmp_path / "again")
    tensors, again = (find(tmp_path / name).folder / "tensors.safetensors" for name in ("run", "again"))
    assert tensors.read_bytes() == again.read_bytes()


def test_draws_do_not_depend_on_their_number(config):
    gan = SeqGAN(config.as_recipe("mle")).fit(LINES, quiet=True)
    assert gan.sample(1005, seed=3)[:7] == gan.sample(7, seed=3)
    assert gan.sample(7, seed=3) != gan.sample(7, seed=4)
    assert gan.sample(0) == []


def test_texts_go_on_from_a_prefix_and_keep_their_length(config):
    gan = SeqGAN(config.as_recipe("mle")).fit(LINES, quiet=True)
    assert all(text.startswith("the dog") for text in gan.sample(20, prefix="the dog"))
    assert all(len(text.split()) <= 3 for text in gan.sample(20, max_length=3))
    assert all(len(text.split()) >= 5 for text in gan.sample(20, min_length=5))
    assert len(set(gan.sample(50, top_k=1))) == 1
    with pytest.raises(ConfigError, match="prefix 'zyx'"):
        gan.sample(1, prefix="zyx")
    with pytest.raises(ConfigError, match="and a text has at most"):
        gan.sample(1, prefix="the " * 50)
    for wrong in ({"max_length": 0}, {"max_length": 999}, {"min_length": 999}, {"temperature": 0.0}, {"n": -1}):
        with pytest.raises(ConfigError):
            gan.sample(**{"n": 1} | wrong)


def test_what_the_critic_rejects_is_drawn_again(config):
    critic = replace(config.critic, kind="textcnn", filters=0.05, pretrain=2, rejections=30, ceiling=4.0)
    config = replace(config, steps=0, critic=critic, policy=replace(config.policy, reward="rollout"))
    gan = SeqGAN(config).fit(LINES, quiet=True)
    begun = SeqGAN(replace(config, critic=replace(critic, pretrain=0))).fit(LINES, quiet=True)
    judges = [some.recipe.critic.out.weight for some in (begun, gan)]
    assert not torch.equal(*judges), "the critic plays without a game, where draws ask it"
    drawn = gan.sample(300)
    assert drawn[:7] == gan.sample(7)
    assert drawn != gan.sample(300, raw=True)
    gan.sample(5, prefix=LINES[0].split()[0], max_length=3)  # shorter than the critic's filters

    unwanted = gan.vocabulary.encode(LINES[0])[0]
    gan.recipe.critic.forward = lambda sample, context=None: CriticOutput(-9.0 * (sample[0] == unwanted).any(1))
    word = LINES[0].split()[0]
    raw, asked = ([word in text.split() for text in gan.sample(500, raw=raw)] for raw in (True, False))
    assert sum(raw) > 50 > 5 > sum(asked)


def test_unknown_words_are_never_said(config):
    data = DataConfig(min_count=20)
    gan = SeqGAN(config.as_recipe("mle", data=data)).fit(LINES, quiet=True)
    assert not any("<unknown>" in text for text in gan.sample(300))


def test_evaluate_reads_its_lines_as_training_did(config):
    gan = SeqGAN(config.as_recipe("mle", data=DataConfig(lower=True))).fit(LINES, quiet=True)
    loud, quiet = (gan.evaluate(50, lines, train=lines) for lines in ([line.upper() for line in LINES], LINES))
    assert {name: one.value for name, one in loud.items()} == {name: one.value for name, one in quiet.items()}


def test_training_goes_on_from_a_trained_model(config):
    gan = SeqGAN(config.as_recipe("mle")).fit(LINES, quiet=True)
    still = replace(
        config, steps=0, likelihood=replace(config.likelihood, epochs=0), model=replace(config.model, dropout=0.5)
    )
    tuned = SeqGAN(still).fit(LINES[:50], start=gan, quiet=True)
    assert tuned.vocabulary.tokens == gan.vocabulary.tokens
    before = gan.recipe.averaged.average.state_dict()

    def unchanged(trained):
        weights = trained.recipe.averaged.average.state_dict()
        return all(torch.equal(weights[name], tensor) for name, tensor in before.items())

    assert unchanged(tuned)
    other = replace(still, model=replace(config.model, width=9))
    gan.config = other
    drawn = gan.sample(5)
    with pytest.raises(ConfigError, match=r"other sizes \(model.width is 9 here and \d+ there; model\.dropout"):
        gan.fit(LINES, start=tuned, quiet=True)
    assert gan.sample(5) == drawn, "what could not be trained is as it was"
    gan.config = still
    assert unchanged(gan.fit(LINES, start=gan, quiet=True))


def test_evaluate_uses_what_was_held_out(config):
    gan = SeqGAN(config.as_recipe("mle", data=DataConfig(test=0.2))).fit(LINES, quiet=True)
    assert {"bleu-4", "novel"} <= set(gan.evaluate(50))
    assert gan.evaluate(50, reference=LINES)["reference-self-bleu-2"].n == len(LINES)


@pytest.mark.parametrize(("tokens", "lines"), [("char", LINES), ("bpe", LINES), ("smiles", None), ("selfies", None)])
def test_other_tokens(config, qm9_smiles, tmp_path, tokens, lines):
    gan = SeqGAN(replace(config, data=DataConfig(tokens))).fit(lines or qm9_smiles[:60], out=tmp_path / "r", quiet=True)
    assert SeqGAN.load(tmp_path / "r").sample(20) == gan.sample(20)
    assert "unique" in gan.evaluate(20, reference=(lines or qm9_smiles)[:40])


def test_twenty_lines_are_enough(config):
    gan = SeqGAN(config).fit(LINES[:20], quiet=True)
    assert len(gan.sample(5)) == 5


def test_a_reward_by_name_or_given(config, qm9_smiles):
    config = replace(config, data=DataConfig("smiles"), reward=RewardConfig(0.5, "molgan.scoring.scorer:Scorer"))
    SeqGAN(config).fit(qm9_smiles[:40], quiet=True)
    named = RewardConfig(0.5, "molgan.scoring.scorer:Scorer", "osimertinib_mpo")
    SeqGAN(replace(config, reward=named)).fit(qm9_smiles[:40], quiet=True)
    seen = []

    def reward(strings):
        seen.extend(strings)
        return np.ones(len(strings))

    SeqGAN(replace(config, reward=RewardConfig(0.5))).fit(qm9_smiles[:40], quiet=True, reward=reward)
    assert len(seen) == config.steps * config.batch
    with pytest.raises(ConfigError, match=r"reward.weight is above 0, but there is no reward"):
        SeqGAN(replace(config, reward=RewardConfig(0.5))).fit(qm9_smiles, quiet=True)
    with pytest.raises(ConfigError, match=r"a reward was given, but reward.weight is 0"):
        SeqGAN(replace(config, reward=RewardConfig())).fit(qm9_smiles, quiet=True, reward=reward)
    with pytest.raises(ConfigError, match=r"a reward was given, but reward.weight is 0"):
        SeqGAN(replace(config, reward=RewardConfig(function="nowhere:reward"))).fit(qm9_smiles, quiet=True)


@pytest.mark.parametrize(
    "name",
    [
        "nowhere:reward",
        "molgan.scoring.scorer",
        "molgan.scoring.scorer:nothing",
        "molgan.scoring.scorer:DESCRIBED",
        "datetime:date",
    ],
)
def test_a_reward_that_is_not_there(name):
    with pytest.raises(ConfigError, match=r"reward\.function"):
        load_reward(name)


def test_refusals(config, tmp_path):
    with pytest.raises(RunError, match="call fit"):
        SeqGAN(config).sample(1)
    with pytest.raises(RunError, match="no run here"):
        SeqGAN.load(tmp_path)
    SeqGAN(config.as_recipe("mle")).fit(LINES, out=tmp_path / "r", quiet=True)
    with pytest.raises(RunError, match="holds a trained run already"):
        SeqGAN(config).fit(LINES, out=tmp_path / "r", quiet=True)
    with pytest.raises(RunError, match=r"differs in recipe \(mle then, seqgan now\)"):
        SeqGAN(config).fit(LINES, out=tmp_path / "r", resume=True, quiet=True)
    with pytest.raises(RunError, match="trained on other data"):
        SeqGAN(config.as_recipe("mle")).fit(LINES[1:], out=tmp_path / "r", resume=True, quiet=True)
    with pytest.raises(DataError, match="give `reference`"):
        SeqGAN.load(tmp_path / "r").evaluate(10)


def test_a_vocabulary_of_another_run_is_one_sentence(config, tmp_path):
    gan = SeqGAN(config.as_recipe("mle")).fit(LINES, out=tmp_path / "r", quiet=True)
    stored = find(tmp_path / "r")
    stored.values["vocabulary"]["tokens"].pop()
    checkpoint.save(stored.folder, stored.tensors(), stored.values)
    with pytest.raises(CheckpointError, match=f"the vocabulary has {len(gan.vocabulary) - 1} tokens and the weights"):
        SeqGAN.load(tmp_path / "r")


@pytest.mark.parametrize("name", bundled("seqgan"))
def test_bundled_configurations_load_and_round_trip(name, tmp_path):
    config = Config.load(name)
    (tmp_path / "c.toml").write_text(config.dump())
    assert asdict(Config.load(tmp_path / "c.toml")) == asdict(config)


def test_sizes_come_from_the_start_unless_they_are_set(config):
    begun = SeqGAN(config.as_recipe("mle")).fit(LINES, quiet=True)
    constant = PolicyConfig("constant")
    tuned = SeqGAN(Config(recipe="seqgan", steps=1, batch=4, device="cpu", policy=constant, likelihood=NO_LIKELIHOOD))
    tuned.fit(LINES, start=begun, quiet=True)
    assert tuned.config.recipe == "seqgan"
    assert tuned.config.model == begun.config.model
    with pytest.raises(ConfigError, match="its networks have other sizes"):
        SeqGAN(replace(tuned.config, model=GeneratorConfig(embedding=4, width=4))).fit(LINES, start=begun, quiet=True)


NO_LIKELIHOOD = LikelihoodConfig(epochs=0)


def test_a_start_without_conditions_learns_some():
    start = SeqGAN(Config.load("small", ["recipe=mle", "likelihood.epochs=1", "device=cpu"])).fit(LINES, quiet=True)
    rows = pd.DataFrame({"text": LINES, "label": ["a", "b"] * (len(LINES) // 2) + ["a"] * (len(LINES) % 2)})
    config = Config.load("small", ["recipe=mle", "likelihood.epochs=1", "device=cpu"])
    gan = SeqGAN(config).fit(rows, start=start, condition="label", quiet=True)
    assert len(gan.sample(3, condition={"label": "b"})) == 3


def test_each_of_many_prompts_is_continued(config):
    gan = SeqGAN(config.as_recipe("mle")).fit(LINES, quiet=True)
    words = LINES[0].split()
    prompts = [" ".join(words[:count]) for count in (1, 2, 1, 3)] * 200
    texts = gan.complete(prompts, seed=1)
    assert all(text.startswith(f"{prompt} ") for text, prompt in zip(texts, prompts, strict=True))
    assert texts == gan.complete(prompts, seed=1) != gan.complete(prompts, seed=2)
    assert gan.complete(["no such words", words[0]])[0] is None
    assert "which the model does not know" in gan.refusal("no such words")
    assert gan.refusal(prompts[0]) == ""
    # As likely as by `sample`: the second word of texts that begin with one word.
    one, many = gan.complete([words[0]] * 3000), gan.sample(3000, prefix=words[0], raw=True)
    shares = [
        pd.Series([text.split()[1] for text in drawn if len(text.split()) > 1]).value_counts(normalize=True)
        for drawn in (one, many)
    ]
    assert (shares[0].sub(shares[1], fill_value=0)).abs().max() < 0.05
