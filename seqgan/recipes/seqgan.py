"""SeqGAN (Yu et al. 2017): maximum likelihood, then REINFORCE on what a critic says of sequences or prefixes.

A step of the adversarial phase is one of the generator and `critic.steps` of the critic. An external reward may be
mixed in (ORGAN, Guimaraes et al. 2017): each token gets the reward of its whole sequence, unbiased without rollouts.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn

from gancore.errors import ConfigError
from gancore.facade.recipe import Capability
from gancore.losses.adversary import Adversary
from gancore.losses.auxiliary import condition_heads
from gancore.losses.policy_gradient import policy_gradient
from gancore.losses.reduction import sum_steps
from gancore.rewards.shaping import RewardShaping
from gancore.training import distributed
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.types import Batch, Context, Sample
from seqgan.data.corpus import Corpus
from seqgan.data.space import TextSpace
from seqgan.networks.critics import CRITICS
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest, kl_to, token_nll, without_dropout
from seqgan.networks.ranker import Ranker
from seqgan.recipes.credit import CREDITS
from seqgan.recipes.judged_sampling import JudgedRecipe
from seqgan.recipes.mle import MaximumLikelihood
from seqgan.recipes.reinforce import Baseline, Negatives, Values, beginnings
from seqgan.recipes.seqgan_config import SeqGANConfig
from seqgan.text.alphabet import Ids


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
        self.pretraining = self.made_pretraining()
        self.generator, self.averaged = self.pretraining.generator, self.pretraining.averaged
        self.critic = CRITICS[config.critic.kind](alphabet, config.critic, length, space.context_features).to(device)
        self.adversary = self.made_adversary()
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
        if isinstance(self.adversary, Ranker):
            self.modules["ranker"] = self.adversary.to(device)
        self.start = 0  # the first adversarial step, set with the phases

    def made_pretraining(self) -> MaximumLikelihood:
        """Maximum likelihood, with the generator."""
        return MaximumLikelihood(self.config, self.space, self.device)

    def made_adversary(self) -> Any:
        """What trains the critic and asks it. Raises ConfigError for a ranker of lines with conditions."""
        judge, space = self.config.critic, self.space
        if self.config.policy.reward != "rank":
            heads = condition_heads(judge.conditioning, space.groups, judge.condition_weight)
            return Adversary(self.critic, judge.game, {}, heads=heads)
        if space.context_features:
            raise ConfigError("policy.reward=rank ranks lines whatever their conditions: train without conditions.")
        return Ranker(self.critic, space.length, judge.references, judge.sharpness)

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
            ids, given = self.draw_after(real, step) if policy.prefix else (self.draw_for(real), None)
            values, figures = self.values(ids, context)
        mask = self.alphabet.mask(ids)
        advantage = self.advantage(ids, values, given)
        with without_dropout(self.generator):
            log_prob = self.generator.log_prob(ids, context=context)
            losses = {"policy": policy_gradient(log_prob, advantage).sum(1)} | figures
            if policy.likelihood:
                nll = token_nll(self.generator, self.alphabet.trim(real.sample[0]), context)
                losses["likelihood"] = nll * policy.likelihood
            losses |= self.replay_terms() | self.further_terms(ids, values)
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

    def draw_after(self, real: Batch, step: int) -> tuple[Ids, Tensor]:
        """This process's draws of a step in groups that begin as real lines, and which tokens were given.

        Raises ConfigError for lines with conditions: a draw would be of another row than its condition.
        """
        if real.context is not None:
            raise ConfigError("policy.prefix begins draws with lines whatever their conditions: set it to 0.")
        config, lines = self.config, distributed.gathered(real.sample[0])
        share = config.policy.prefix * (1 - (step - self.start) / config.steps)
        rows = torch.arange(config.batch // config.policy.group, device=self.device) % len(lines)
        begun = beginnings(self.alphabet, lines[rows], share).repeat_interleave(config.policy.group, 0)
        ids = sample(self.generator, len(begun), self.length, prefix=begun, device=self.device)
        given = nn.functional.pad(begun, (0, self.length - begun.shape[1]), value=-1) >= 0
        return distributed.shard(ids), distributed.shard(given)

    def advantage(self, ids: Ids, values: Values, given: Tensor | None = None) -> Values:
        """What each token is worth less its baseline; tokens that were given are learnt by likelihood, with 1."""
        mask = self.alphabet.mask(ids)
        if given is None:
            return self.baseline.advantage(values, mask)
        return torch.where(given, 1.0, self.baseline.advantage(values, mask & ~given))

    def further_terms(self, ids: Ids, values: Values) -> dict[str, Tensor]:
        """Further losses of the generator's turn on draws with their values: none; a recipe on top may have some."""
        return {}

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
        """The value of every token by the critic, and the mean reward of the sequences for the log."""
        credit = CREDITS["constant" if self.unjudged else self.config.policy.reward]
        values, reward = credit(self, ids, context)
        return values * self.alphabet.mask(ids), {"_reward": reward.mean()}

    def precision(self) -> torch.autocast:
        """The number format that the critic computes in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.critic.bf16)

    def critic_logits(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's logits: `(batch, step)` of every prefix, or `(batch,)` of whole sequences."""
        with self.precision():
            return self.adversary.output((ids,), context).logits.float()

    def verdicts(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's logits of whole sequences `(batch,)`, less the loss of its heads."""
        with self.precision():
            output = self.adversary.output((ids,), context)
            logits = output.logits.float()
            if context is not None:
                logits = logits - self.adversary.head_costs(output, Batch((ids,), context))
        return logits

    def judge(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's reward of whole sequences, in (0, 1): the sigmoid of its logit, or the rank score."""
        logits = self.verdicts(ids, context)
        return logits.exp() if self.config.policy.reward == "rank" else logits.sigmoid()

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
        self.start = phases[-1].steps.start
        phases[-1].callbacks.append(lambda step, logs: self.rollout_policy.update(self.generator))
        return self.measured(phases, corpus)

    def take_over(self) -> None:
        """Go on from the best generator of the pre-training."""
        self.pretraining.take_over()
        for module in (self.rollout_policy.average, self.anchor):
            module.load_state_dict(self.generator.state_dict())
