"""Generative adversarial distillation, GAD (Ye et al. 2025): critic and generator both begin as the likelihood model.

The critic learns which of two sequences is the real one (Bradley and Terry 1952; the relativistic pairing of GANs). Its
logit is the reward of a group-relative policy gradient (GRPO, Shao et al. 2024): draws of a group begin alike, and each
is compared with the others of its group. Ratios to the policy that drew are clipped, and a KL term holds the generator
near its start. What is distilled here is the training set: its lines are the teacher's answers, and their beginnings
the prompts.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from jaxtyping import Float
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.policy_gradient import clipped_policy_gradient, leave_one_out
from gancore.losses.reduction import sum_steps
from gancore.training import distributed
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.settings import STRICT, OneOf, Part, Positive, Rate, Weight
from gancore.types import Batch
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.networks.critics import CRITICS
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest, kl_to, token_nll, without_dropout
from seqgan.networks.language_critic import LanguageAndNgrams, LanguageCritic
from seqgan.recipes.config import GameConfig
from seqgan.recipes.judged_sampling import JudgedRecipe, SamplingCriticConfig
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.reinforce import Negatives, beginnings
from seqgan.text.alphabet import Ids

LANGUAGE = {"language": LanguageCritic, "language_and_ngrams": LanguageAndNgrams}
"""Critics that begin as the generator."""


@dataclass(frozen=True)
class GADCriticConfig(SamplingCriticConfig):
    """The critic, its training, and its use in sampling."""

    kind: Literal["language", "ngrams", "language_and_ngrams", "textcnn", "multi"] = "language"
    """The generator's network, begun with its weights; a perceptron of n-gram counts; the sum of both; TextCNN; or
    RelGAN's multi-embedding CNN."""
    objective: Annotated[str, OneOf(OBJECTIVES, without=["wasserstein", "saturating"])] = "relativistic_pairing"
    """Adversarial objective, of the critic alone; the reward is its logit."""
    pretrain: int = 200
    """Steps of the critic before the first of the generator."""
    steps: Positive = 1
    """Steps of the critic between two of the generator."""


@dataclass(frozen=True)
class GADPolicyConfig:
    """The policy gradient."""

    __pydantic_config__ = STRICT
    group: Annotated[int, Ge(2)] = 4
    """Draws that begin alike and are compared with each other; divides `batch`."""
    prompt: Part = 0.0
    """Greatest share of a real line that the draws of a group begin with; each group takes a length at random. 0: all
    begin with nothing."""
    scaled: bool = True
    """Whether advantages are divided by their standard deviation in the group (GRPO)."""
    clip: Rate = 0.2
    """How far the ratio to the policy that drew may be from 1."""
    reuse: Positive = 2
    """Steps of the generator on each set of draws."""
    kl: Weight = 0.1
    """Weight of the KL divergence from the likelihood model, per token, on the generator's own draws."""
    likelihood: Weight = 0.1
    """Weight of maximum likelihood on real sequences, kept in the loss."""


@dataclass(frozen=True)
class GADConfig(GameConfig):
    """Recipe gad: maximum likelihood, then a relativistic critic and a group-relative policy gradient."""

    recipe: str = "gad"
    """gad."""
    critic: GADCriticConfig = field(default_factory=GADCriticConfig)
    """The critic."""
    policy: GADPolicyConfig = field(default_factory=GADPolicyConfig)
    """The policy gradient."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch % self.policy.group:
            raise ConfigError(f"batch {self.batch} is not a multiple of policy.group {self.policy.group}.")
        self.critic.require_lines(self.data.valid)
        if self.critic.rejections:
            self.critic.require_ratio()

    @property
    def rejects(self) -> bool:
        """Whether `sample` draws again what the critic rejects."""
        return self.critic.rejections > 0

    @property
    def needs_lines(self) -> str:
        """What learns from lines, as a clause."""
        return "recipe gad learns from lines: give some, or tune with recipe=seqgan"


class Draws(nn.Module):
    """The draws that a step of the generator learns from, `reuse` steps each: ids, log-probabilities, advantages."""

    ids: Tensor
    log_prob: Tensor
    advantage: Tensor
    served: Tensor

    def __init__(self, size: int, length: int, reuse: int):
        super().__init__()
        self.reuse = reuse
        self.register_buffer("ids", torch.zeros(size, length, dtype=torch.long))
        self.register_buffer("log_prob", torch.zeros(size, length))
        self.register_buffer("advantage", torch.zeros(size, length))
        self.register_buffer("served", torch.zeros((), dtype=torch.long))

    def take(self, make: Callable[[], tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
        """This process's rows of the present draws; `make` gives new ones once these were served `reuse` times."""
        if int(self.served) % self.reuse == 0:
            for mine, new in zip((self.ids, self.log_prob, self.advantage), make(), strict=True):
                mine.copy_(new)
        self.served += 1
        ids, log_prob, advantage = (distributed.shard(part) for part in (self.ids, self.log_prob, self.advantage))
        return ids, log_prob, advantage


class GAD(JudgedRecipe):
    """Recipe gad: generator and critic, both begun as the likelihood model; their optimisers and training steps.

    A checkpoint holds `modules` and `optimizers`.
    """

    config_class = GADConfig
    capabilities: frozenset[Capability] = frozenset({"log_prob", "critic_score"})

    def __init__(self, config: GADConfig, space: TextSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.alphabet, self.length, self.vocabulary = space.alphabet, space.length, space.vocabulary
        self.sampling_modules = self.asked_modules()
        self.pretraining = MaximumLikelihood(config, space, device)
        self.generator, self.averaged = self.pretraining.generator, self.pretraining.averaged
        judge, policy = config.critic, config.policy
        if judge.kind in LANGUAGE:
            critic: Any = LANGUAGE[judge.kind](space.alphabet, judge, space.length, config.model)
        else:
            critic = CRITICS[judge.kind](space.alphabet, judge, space.length)
        self.critic = critic.to(device)
        self.adversary = Adversary(self.critic, judge.game, {})
        self.anchor = copy.deepcopy(self.generator).requires_grad_(False)
        self.negatives = Negatives(judge.pool, self.length, judge.reuse, config.seed).to(device)
        self.draws = Draws(config.batch, self.length, policy.reuse).to(device)
        self.modules = self.pretraining.modules | {
            "critic": self.critic,
            "anchor": self.anchor,
            "negatives": self.negatives,
            "draws": self.draws,
            **self.calibrated_modules(),
        }

    # One training step of each player ---------------------------------------------------------

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell each real sequence from a generated one: of a pool, or with the same beginning."""
        (ids,) = real.sample
        if self.config.policy.prompt:
            fake = distributed.shard(self.draw(self.prompts(distributed.gathered(ids))))
        else:
            fake = distributed.shard(self.negatives.take(len(ids) * distributed.processes(), self.draw_freely))
        return self.adversary.critic_losses(Batch((ids[: len(fake)],)), Batch((fake,)), step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Draw groups, or take the last ones again, and make likelier what the critic prefers in its group."""
        policy, figures = self.config.policy, {}
        ids, drawn, advantage = self.draws.take(lambda: self.new_draws(real.sample[0], figures))
        mask = self.alphabet.mask(ids)
        with without_dropout(self.generator):
            log_prob = self.generator.log_prob(ids)
            surrogate = clipped_policy_gradient(log_prob, drawn, advantage, policy.clip)
            losses = {"policy": (surrogate * mask).sum(1).mean()} | figures
            if policy.kl:
                kl = sum_steps(kl_to(self.generator, self.anchor, ids), mask)
                losses["anchor"] = kl.mean() * policy.kl
        if policy.likelihood:
            nll = token_nll(self.generator, self.alphabet.trim(real.sample[0]))
            losses["likelihood"] = nll * policy.likelihood
        ratio = (log_prob.detach() - drawn).exp()
        beyond = ((ratio - 1).abs() > policy.clip) & mask
        return losses | {"_clipped": beyond.sum() / mask.sum()}

    # Parts of these steps ---------------------------------------------------------------------

    def new_draws(self, real: Ids, figures: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Draws of all processes in groups, each token's log-probability and advantage; 0 where the token was given.

        real: lines whose beginnings the groups share. Adds the mean reward to `figures`.
        """
        config, group = self.config, self.config.policy.group
        prompts = None
        if config.policy.prompt:
            real = distributed.gathered(real)
            rows = torch.arange(config.batch // group, device=self.device) % len(real)
            prompts = self.prompts(real[rows]).repeat_interleave(group, 0)
        ids = self.draw(prompts) if prompts is not None else self.draw_freely(config.batch)
        with at_rest(self.generator, self.critic):
            log_prob, reward = self.generator.log_prob(ids), self.critic_score((ids,))
        figures["_reward"] = reward.mean()
        free = self.alphabet.mask(ids)
        if prompts is not None:
            free = free & (nn.functional.pad(prompts, (0, self.length - prompts.shape[1]), value=-1) < 0)
        advantage = group_advantages(reward.view(-1, group), config.policy.scaled).flatten()
        return ids, log_prob, advantage[:, None] * free

    def prompts(self, real: Ids) -> Ids:
        """The beginnings of real lines, each of a random length, ended by -1 `(line, step)`."""
        share = torch.rand(len(real), device=real.device) * self.config.policy.prompt
        return beginnings(self.alphabet, real, share)

    def draw_freely(self, n: int) -> Ids:
        """Sequences of the present generator `(n, length)`."""
        with at_rest(self.generator):
            return sample(self.generator, n, self.length, device=self.device)

    def draw(self, prompts: Ids) -> Ids:
        """A sequence of the present generator for each beginning `(line, length)`."""
        with at_rest(self.generator):
            return sample(self.generator, len(prompts), self.length, prefix=prompts, device=self.device)

    # The phases -------------------------------------------------------------------------------

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood; the critic alone; both alternately."""
        config, optimizers = self.config, self.optimizers
        critic = Player("critic", self.critic, optimizers["critic"], self.critic_turn, repeat=config.critic.steps)
        generator = Player(
            "generator", self.generator, optimizers["generator"], self.generator_turn, max_norm=config.max_norm
        )
        learnt, judged = self.shared_lines(corpus)
        phases = self.pretraining.adversarial_phases(learnt, critic, generator, self.take_over, config.rejects, judged)
        return self.measured(phases, corpus)

    def take_over(self) -> None:
        """Go on from the best likelihood model, with which the critic and the anchor begin."""
        self.pretraining.take_over()
        self.anchor.load_state_dict(self.generator.state_dict())
        if hasattr(self.critic, "begin_as"):
            self.critic.begin_as(self.generator)


def group_advantages(reward: Float[Tensor, "group draw"], scaled: bool) -> Float[Tensor, "group draw"]:
    """Each reward less the mean of the others of its group; scaled: over their standard deviation in the group.

    A group whose rewards are all the same has advantages of 0.

    >>> group_advantages(torch.tensor([[1.0, 3.0], [2.0, 2.0]]), scaled=False).tolist()
    [[-2.0, 2.0], [0.0, 0.0]]
    """
    advantage = leave_one_out(reward)
    return advantage / (reward.std(1, keepdim=True) + 1e-6) if scaled else advantage
