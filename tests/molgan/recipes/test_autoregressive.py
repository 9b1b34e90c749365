"""Turns of the autoregressive recipe: weights and what is asked reach the likelihood, the critic and the policy."""

import torch

from gancore.training.device import seed_everything
from gancore.training.loop import Player, play
from gancore.types import Context
from molgan.data.dataset import batches
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.fingerprint_critic import FingerprintCritic
from molgan.recipes.autoregressive_config import AutoregressiveCriticConfig, AutoregressiveModelConfig
from molgan.recipes.config import Config, PolicyRewardConfig, PretrainConfig
from molgan.recipes.domain import build

CPU = torch.device("cpu")
CONFIG = Config(
    recipe="autoregressive",
    steps=60,
    batch=32,
    bound=0.2,
    device="cpu",
    model=AutoregressiveModelConfig(recurrent=16, pair=8, dropout=0.0, fingerprint=64, fingerprint_width=8),
    pretrain=PretrainConfig(steps=1),
    critic=AutoregressiveCriticConfig(pretrain=0),
    reward=PolicyRewardConfig(critic=1.0, start=0.0),
)


def test_what_is_asked_is_obtained_by_likelihood_and_kept_by_the_game(small_data):
    """Whether more than two atoms are not carbon; the rows of weight 0 say the contrary and are not learnt."""
    carbon = [str(atom) for atom in small_data.vocabulary.atoms].index("C")
    many = ((small_data.atoms >= 0) & (small_data.atoms != carbon)).sum(1) > 2
    lies = torch.arange(len(many)) % 3 == 0
    told = Context((many ^ lies).float()[:, None] * 2 - 1, torch.ones(len(many), 1, dtype=torch.bool))
    seed_everything(0)
    gan, _ = build(CONFIG, small_data, CPU)
    size, capacity = small_data.vocabulary.max_atoms, gan.capacity
    gan.generator = AutoregressiveGenerator(capacity, size, 16, 8, 1, 0.0, 1)
    gan.critic = gan.adversary.critic = FingerprintCritic(capacity, 64, 8, 0, 1)

    def player(name, module, turn, rate):
        return Player(name, module, torch.optim.Adam(module.parameters(), rate), turn, max_norm=10.0)

    def obtained():
        present = small_data.atoms[torch.randint(0, len(many), (600,))] >= 0
        shares = []
        for value in (-1.0, 1.0):
            asked = Context(torch.full((600, 1), value), torch.ones(600, 1, dtype=torch.bool))
            atoms, _ = gan.generator.sample(present, context=asked)
            shares.append(float((((atoms >= 0) & (atoms != carbon)).sum(1) > 2).float().mean()))
        return shares[1] - shares[0]

    stream = batches(small_data, 32, 0, CPU, told, (~lies).float())
    assert abs(obtained()) < 0.2
    play([player("likelihood", gan.generator, gan.likelihood_turn, 0.02)], stream, range(100), seed=0)
    learnt = obtained()
    assert learnt > 0.4
    game = [player("critic", gan.critic, gan.critic_turn, 0.01)]
    game += [player("generator", gan.generator, gan.generator_turn, 0.002)]
    logged = []
    play(game, stream, range(1, 21), [lambda step, logs: logged.append(logs)], seed=0)
    assert obtained() > learnt - 0.15
    assert {"generator/bound", "generator/policy", "critic/adversarial"} <= set(logged[-1])
