"""SeqGAN (Yu et al. 2017): maximum likelihood, then REINFORCE on what a critic says, by rollouts or a dense critic.

A step of the adversarial phase is one of the generator and `critic.steps` of the critic. An external reward may be
mixed in (ORGAN, Guimaraes et al. 2017): each token gets the reward of its whole sequence, unbiased without rollouts.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated

import torch
from torch import Tensor
from torch.optim import Optimizer

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.auxiliary import condition_heads
from gancore.losses.policy_gradient import policy_gradient
from gancore.losses.reduction import sum_steps
from gancore.rewards.shaping import RewardShaping
from gancore.training import distributed
from gancore.training.device import adam, new_generator
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.training.settings import OneOf, Weight
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.networks.critics import CRITICS, RecurrentCritic
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest, kl_to, token_nll, without_dropout
from seqgan.networks.rollout import monte_carlo
from seqgan.recipes.config import GameConfig
from seqgan.recipes.external_reward import RewardConfig
from seqgan.recipes.judged_sampling import JudgedRecipe, SamplingCriticConfig
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.reinforce import Baseline, Negatives, PolicyConfig, Values
from seqgan.text.alphabet import Ids


@dataclass(frozen=True)
class SeqGANCriticConfig(SamplingCriticConfig):
    """The critic, its training, and its use in sampling."""

    decay: Weight = 0.2
    """Weight of half the squared norm of the output layer in the loss (SeqGAN's code)."""
    objective: Annotated[str, OneOf(OBJECTIVES, without=["wasserstein", "saturating"])] = "non_saturating"
    """Adversarial objective, of the critic alone: the policy gradient takes the logit's sigmoid as reward."""
    bf16: bool = False
    """Whether the critic computes in bfloat16, which is faster where the processor has it."""


@dataclass(frozen=True)
class SeqGANConfig(GameConfig):
    """Recipe seqgan: maximum likelihood, then REINFORCE on the critic's reward."""

    recipe: str = "seqgan"
    """seqgan."""
    critic: SeqGANCriticConfig = field(default_factory=SeqGANCriticConfig)
    """The critic."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """The policy gradient."""
    reward: RewardConfig = field(default_factory=RewardConfig)
    """The external reward."""

    def __post_init__(self) -> None:
        super().__post_init__()
        judged = self.steps and self.policy.reward != "constant"
        if judged and self.critic.objective.startswith("relativistic"):
            raise ConfigError(
                f"recipe seqgan pays the sigmoid of the critic's logit, which {self.critic.objective} leaves open to a "
                "constant: set critic.objective to non_saturating or hinge."
            )
        if (self.policy.reward == "dense") != (self.critic.kind == "recurrent"):
            raise ConfigError("policy.reward=dense and critic.kind=recurrent go together: set both or neither.")
        self.critic.require_lines(self.data.valid)
        if self.critic.rejections:
            if self.policy.reward == "constant":
                raise ConfigError("policy.reward=constant trains no critic that draws could be shown to.")
            if self.critic.kind == "recurrent":
                raise ConfigError(
                    "critic.rejections: a critic of prefixes says nothing of their lengths: set critic.kind to textcnn."
                )
            self.critic.require_ratio()

    @property
    def rejects(self) -> bool:
        """Whether `sample` draws again what the critic rejects."""
        return self.critic.rejections > 0 and not self.reward.weight

    @property
    def needs_lines(self) -> str:
        """What learns from lines, as a clause, and how to leave it out; empty where nothing does."""
        if self.likelihood.epochs:
            return "the likelihood learns from lines: give some, or set likelihood.epochs to 0"
        if self.policy.likelihood:
            return "policy.likelihood is that of lines: give some, or set it to 0"
        if self.policy.reward != "constant" and self.reward.weight < 1:
            return "the critic learns from lines: give some, or set reward.weight to 1, which leaves it out"
        return ""


class PolicyGradientGAN(JudgedRecipe):
    """Recipe seqgan: generator, critic and rollout policy, their optimisers, and the training step of each.

    A checkpoint holds `modules` and `optimizers`. shaping: the external reward, where there is one; the space's
    vocabulary decodes the strings that it scores.
    """

    config_class = SeqGANConfig
    capabilities: frozenset[Capability] = frozenset({"context", "log_prob", "critic_score", "predict", "reward"})

    def __init__(self, config: SeqGANConfig, space: TextSpace, device: torch.device):
        self.config, self.space, self.device = config, space, device
        self.alphabet, self.length, self.vocabulary = space.alphabet, space.length, space.vocabulary
        alphabet, length = space.alphabet, space.length
        self.sampling_modules = self.asked_modules()
        self.pretraining = MaximumLikelihood(config, space, device)
        self.generator, self.averaged = self.pretraining.generator, self.pretraining.averaged
        self.critic = CRITICS[config.critic.kind](alphabet, config.critic, length, space.context_features).to(device)
        heads = condition_heads(config.critic.conditioning, space.groups, config.critic.condition_weight)
        self.adversary = Adversary(self.critic, config.critic.game, {}, heads=heads)
        self.rollout_policy = EMA(self.generator, config.policy.update_rate, warm_up=False)
        self.anchor = copy.deepcopy(self.generator).requires_grad_(False)
        self.negatives = Negatives(config.critic.pool, length, config.critic.reuse, config.seed).to(device)
        self.baseline = Baseline(config.policy.baseline, length).to(device)
        self.shaping: RewardShaping | None = None
        self.unjudged = False  # without lines no critic is trained, and none gives a reward
        self.modules = self.pretraining.modules | {
            "critic": self.critic,
            "rollout_policy": self.rollout_policy,
            "anchor": self.anchor,
            "negatives": self.negatives,
            "baseline": self.baseline,
            **self.calibrated_modules(),
        }

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made on first use: sampling needs none, and importing them takes a second or two."""
        config, judge = self.config, self.config.critic
        return self.pretraining.optimizers | {
            "generator": adam(self.generator.parameters(), config.lr, config.betas, config.weight_decay),
            "critic": adam(self.critic.parameters(), judge.lr, judge.betas, judge.weight_decay),
        }

    # One training step of each player ---------------------------------------------------------

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many generated sequences: from a pool, or newly drawn for a batch with a context."""
        real = self.hide_conditions(real)
        if real.context is None:
            fake = distributed.shard(self.negatives.take(len(real) * distributed.processes(), self.draw))
        else:
            fake = self.draw_for(real)
        with self.precision():
            losses = self.adversary.critic_losses(real[: len(fake)], Batch((fake,), real.context), step)
        out = self.critic.out
        decay = sum((part.square().sum() for part in out.parameters()), torch.zeros((), device=self.device)) / 2
        return losses | {"decay": decay * self.config.critic.decay}

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Draw sequences, value every token, and make the better tokens likelier."""
        real = self.hide_conditions(real)
        policy, context = self.config.policy, real.context
        with at_rest(self.generator, self.critic, self.rollout_policy):
            ids = self.draw_for(real)
            values, figures = self.values(ids, context)
        mask = self.alphabet.mask(ids)
        advantage = self.baseline.advantage(values, mask)
        with without_dropout(self.generator):
            log_prob = self.generator.log_prob(ids, context=context)
            losses = {"policy": policy_gradient(log_prob, advantage).sum(1)} | figures
            if policy.likelihood:
                nll = token_nll(self.generator, self.alphabet.trim(real.sample[0]), context)
                losses["likelihood"] = nll * policy.likelihood
            losses |= self.replay_terms()
            if policy.kl:
                kl = kl_to(self.generator, self.anchor, ids, context)
                losses["anchor"] = sum_steps(kl, mask) * policy.kl
        if context is None:  # the draws are of no rows of the batch
            losses |= {name: losses[name].mean() for name in ("policy", "anchor") if name in losses}
        return losses

    # Parts of these steps ---------------------------------------------------------------------

    def draw(self, n: int) -> Ids:
        """Sequences of the present generator `(n, length)`."""
        with at_rest(self.generator):
            return sample(self.generator, n, self.length, device=self.device)

    def draw_for(self, real: Batch) -> Ids:
        """This process's draws for a step: one for each row of a batch with a context, `batch` without one."""
        context = distributed.gathered_context(real.context)
        with at_rest(self.generator):
            n = self.config.batch if context is None else len(context)
            ids = sample(self.generator, n, self.length, device=self.device, context=context)
        return distributed.shard(ids)

    def values(self, ids: Ids, context: Context | None = None) -> tuple[Values, dict[str, Tensor]]:
        """The value of every token, and figures for the log: mean critic reward and mean external reward."""
        external = self.config.reward.weight
        if not external:
            return self.critic_values(ids, context)
        assert self.shaping is not None
        with self.shaping.waiting(), ThreadPoolExecutor(1) as executor:  # rewards come while the critic judges
            pending = executor.submit(self.score, ids)
            values, figures = self.critic_values(ids, context)
            strings, scores = pending.result()
        rewards = torch.from_numpy(self.shaping.weigh(strings, scores)).float().to(self.device)
        values = (1 - external) * values + external * rewards[:, None]
        figures["_score"] = torch.tensor(scores.mean(), dtype=torch.float, device=self.device)
        return values * self.alphabet.mask(ids), figures

    def critic_values(self, ids: Ids, context: Context | None = None) -> tuple[Values, dict[str, Tensor]]:
        """The value of every token by the critic, and the mean over the sequences for the log."""
        policy, mask = self.config.policy, self.alphabet.mask(ids)
        if policy.reward == "constant" or self.unjudged:
            values = torch.full(ids.shape, 0.5, device=self.device)
        elif isinstance(self.critic, RecurrentCritic):
            values = self.critic_logits(ids, context).sigmoid()
        else:
            random = None
            if distributed.processes() > 1:  # each process completes its own prefixes with draws of its own
                random = new_generator(self.device, torch.initial_seed(), distributed.rank())
            policy_network = self.rollout_policy.average
            values = monte_carlo(policy_network, ids, self.judge, policy.rollouts, random, context=context)
        last = values.gather(1, mask.sum(1, keepdim=True) - 1)
        return values * mask, {"_reward": last.mean()}

    def precision(self) -> torch.autocast:
        """The number format that the critic computes in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.critic.bf16)

    def critic_logits(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's logits: `(batch, step)` of every prefix, or `(batch,)` of whole sequences."""
        with self.precision():
            return self.adversary.output((ids,), context).logits.float()

    def judge(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's reward of whole sequences, in (0, 1): the sigmoid of its logit less the loss of its heads."""
        with self.precision():
            output = self.adversary.output((ids,), context)
            logits = output.logits.float()
            if context is not None:
                logits = logits - self.adversary.head_costs(output, Batch((ids,), context))
        return logits.sigmoid()

    def replay_terms(self) -> dict[str, Tensor]:
        """The likelihood of the best strings so far."""
        ids = self.best_so_far()
        if not len(ids):
            return {}
        return {"replay": token_nll(self.generator, ids).mean() * self.config.reward.replay.weight}

    def predict(self, sample: Sample) -> Tensor:
        """What the critic's head says of each sequence of ids `(batch, feature)`."""
        with at_rest(self.critic):
            return self.adversary.output(sample).heads["condition"].float()

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood; the critic alone; both alternately. A constant reward, or no lines, need no critic."""
        config, optimizers = self.config, self.optimizers
        self.unjudged = not len(corpus.train)
        critic_steps = 0 if config.policy.reward == "constant" or self.unjudged else config.critic.steps
        critic = Player("critic", self.critic, optimizers["critic"], self.critic_turn, repeat=critic_steps)
        generator = Player(
            "generator", self.generator, optimizers["generator"], self.generator_turn, max_norm=config.max_norm
        )
        learnt, judged = self.shared_lines(corpus)
        needed = self.config.rejects
        phases = self.pretraining.adversarial_phases(learnt, critic, generator, self.take_over, needed, judged)
        phases[-1].callbacks.append(lambda step, logs: self.rollout_policy.update(self.generator))
        return self.measured(phases, corpus)

    def take_over(self) -> None:
        """Go on from the best generator of the pre-training."""
        self.pretraining.take_over()
        for module in (self.rollout_policy.average, self.anchor):
            module.load_state_dict(self.generator.state_dict())
