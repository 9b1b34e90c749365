"""SeqGAN (Yu et al. 2017): maximum likelihood, then REINFORCE on what a critic says, by rollouts or a dense critic.

A step of the adversarial phase is one of the generator and `critic.steps` of the critic. An external reward may be
mixed in (ORGAN, Guimaraes et al. 2017): it is paid for the whole sequence, to each of its tokens, which is unbiased
without rollouts.
"""

import contextlib
import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.policy_gradient import categorical_kl, policy_gradient
from gancore.losses.reduction import sum_steps
from gancore.rewards.shaping import Steering
from gancore.sampling.rejection import replace_rejected
from gancore.training import distributed
from gancore.training.device import adam, derive_seed, new_generator
from gancore.training.ema import EMA
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.types import Batch, Context
from seqgan.config import Config
from seqgan.data.corpus import Corpus, pad
from seqgan.networks.critics import CRITICS, RecurrentCritic
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest, token_nll, without_dropout
from seqgan.networks.rollout import monte_carlo
from seqgan.recipes.mle import Likelihood
from seqgan.text.alphabet import Alphabet, Ids
from seqgan.text.vocabulary import TokenError, Vocabulary

Values = Float[Tensor, "batch step"]


class Negatives(nn.Module):
    """Generated sequences for the critic: drawn many at a time, served shuffled, `reuse` times each."""

    ids: Tensor
    served: Tensor

    def __init__(self, size: int, length: int, reuse: int, seed: int):
        super().__init__()
        self.reuse, self.seed = reuse, seed
        self.register_buffer("ids", torch.zeros(size, length, dtype=torch.long))
        self.register_buffer("served", torch.zeros((), dtype=torch.long))

    def take(self, n: int, draw: Callable[[int], Ids]) -> Ids:
        """The next `n` sequences (at most the size of the pool); `draw(size)` makes new ones when they are used up."""
        size, count = len(self.ids), int(self.served)
        n = min(n, size)
        a_pass = size // n
        if count % (a_pass * self.reuse) == 0:
            self.ids.copy_(draw(size))
        turn, place = divmod(count, a_pass)
        random = torch.Generator().manual_seed(derive_seed(self.seed, "negatives", turn))
        rows = torch.randperm(size, generator=random)[place * n : (place + 1) * n]
        self.served += 1
        return self.ids[rows.to(self.ids.device)]


class Baseline(nn.Module):
    """What is taken from the reward so that the gradient varies less; none of it depends on the own draw."""

    average: Tensor

    def __init__(self, kind: str, length: int, decay: float = 0.9):
        super().__init__()
        self.kind, self.decay = kind, decay
        self.register_buffer("average", torch.full((length,), torch.nan))

    def advantage(self, values: Values, mask: Tensor) -> Values:
        """The reward of every token less its baseline: 0 at padding."""
        if self.kind == "none":
            return values * mask
        total, count = (distributed.total(part.sum(0)) for part in (values * mask, mask))
        if self.kind == "leave_one_out":
            others = (total - values * mask) / (count - 1).clamp_min(1)
            return (values - torch.where(count > 1, others, values)) * mask
        mean = total / count.clamp_min(1)
        known = torch.where(self.average.isnan(), mean, self.average)
        moved = torch.lerp(mean, known, self.decay)
        self.average.copy_(torch.where(count > 0, moved, self.average))
        return (values - known) * mask


class Reinforced:
    """Everything with state, and the turns. `modules` and `optimizers` are what a checkpoint holds.

    steering, vocabulary: the external reward and what makes its strings of ids; both or neither.
    """

    def __init__(self, config: Config, alphabet: Alphabet, length: int, device: torch.device):
        self.config, self.alphabet, self.length, self.device = config, alphabet, length, device
        self.pretraining = Likelihood(config, alphabet, length, device)
        self.generator, self.averaged = self.pretraining.generator, self.pretraining.averaged
        self.critic = CRITICS[config.critic.kind](alphabet, config.critic, length).to(device)
        self.adversary = Adversary(self.critic, OBJECTIVES[config.critic.objective], {})
        self.rollout_policy = EMA(self.generator, config.policy.update_rate, warm_up=False)
        self.anchor = copy.deepcopy(self.generator).requires_grad_(False)
        self.negatives = Negatives(config.critic.pool, length, config.critic.reuse, config.seed).to(device)
        self.baseline = Baseline(config.policy.baseline, length).to(device)
        self.steering: Steering | None = None
        self.vocabulary: Vocabulary | None = None
        self.unjudged = False  # without lines no critic learns, and none is asked
        self.modules = self.pretraining.modules | {
            "critic": self.critic,
            "rollout_policy": self.rollout_policy,
            "anchor": self.anchor,
            "negatives": self.negatives,
            "baseline": self.baseline,
        }

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made when training asks for them, which loads a second or two of torch that sampling does without."""
        return self.pretraining.optimizers | {
            "generator": adam(self.generator.parameters(), self.config.lr),
            "critic": adam(self.critic.parameters(), self.config.critic.lr),
        }

    # One turn of each player ------------------------------------------------------------------

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell the batch from as many generated sequences: of a pool, or drawn anew where something is asked."""
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
        """Draw, have every token valued, make the better ones likelier."""
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
                own = token_nll(self.generator, self.alphabet.trim(real.sample[0]), context)
                losses["likelihood"] = own * policy.likelihood
            losses |= self.replay_terms()
            if policy.kl:
                with at_rest(self.anchor):
                    before = self.anchor.logits(ids, context)
                kl = categorical_kl(self.generator.logits(ids, context), before)
                losses["anchor"] = sum_steps(kl, mask) * policy.kl
        if context is None:  # the draws are of no rows of the batch
            losses |= {name: losses[name].mean() for name in ("policy", "anchor") if name in losses}
        return losses

    # What the turns are made of ---------------------------------------------------------------

    def draw(self, n: int) -> Ids:
        """Sequences of the present generator `(n, length)`."""
        with at_rest(self.generator):
            return sample(self.generator, n, self.length, device=self.device)

    def draw_for(self, real: Batch) -> Ids:
        """This process's draws of a turn: one for each row where something is asked of it, `batch` where not."""
        context = distributed.gathered_context(real.context)
        with at_rest(self.generator):
            n = self.config.batch if context is None else len(context)
            ids = sample(self.generator, n, self.length, device=self.device, context=context)
        return distributed.shard(ids)

    def values(self, ids: Ids, context: Context | None = None) -> tuple[Values, dict[str, Tensor]]:
        """What every token is worth, and figures for the log: mean critic's and external reward of the sequences."""
        external = self.config.reward.weight
        if not external:
            return self.critic_values(ids, context)
        assert self.steering is not None
        with self.steering.waiting(), ThreadPoolExecutor(1) as aside:  # it is worked out while the critic judges
            answer = aside.submit(self.score, ids)
            values, figures = self.critic_values(ids, context)
            strings, scores = answer.result()
        paid = torch.from_numpy(self.steering.weigh(strings, scores)).float().to(self.device)
        values = (1 - external) * values + external * paid[:, None]
        figures["_score"] = torch.tensor(scores.mean(), dtype=torch.float, device=self.device)
        return values * self.alphabet.mask(ids), figures

    def critic_values(self, ids: Ids, context: Context | None = None) -> tuple[Values, dict[str, Tensor]]:
        """What the critic says that every token is worth, and the mean over the sequences for the log."""
        policy, mask = self.config.policy, self.alphabet.mask(ids)
        if policy.reward == "constant" or self.unjudged:
            values = torch.full(ids.shape, 0.5, device=self.device)
        elif isinstance(self.critic, RecurrentCritic):
            values = self.critic_logits(ids, context).sigmoid()
        else:
            several = distributed.processes() > 1  # each completes its own prefixes with draws of its own
            random = new_generator(self.device, torch.initial_seed(), distributed.rank()) if several else None
            completes = self.rollout_policy.average
            values = monte_carlo(completes, ids, self.judge, policy.rollouts, random, context=context)
        last = values.gather(1, mask.sum(1, keepdim=True) - 1)
        return values * mask, {"_reward": last.mean()}

    def precision(self) -> torch.autocast:
        """What the critic computes in."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.critic.bf16)

    def critic_logits(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's logits: `(batch, step)` of every prefix, or `(batch,)` of whole sequences."""
        with self.precision():
            return self.adversary.output((ids,), context).logits.float()

    def judge(self, ids: Ids, context: Context | None = None) -> Tensor:
        """The critic's reward of whole sequences, in (0, 1)."""
        return self.critic_logits(ids, context).sigmoid()

    def score(self, ids: Ids) -> tuple[list[str], np.ndarray]:
        """The strings and their external reward in [0, 1], 0 where there is none."""
        assert self.steering is not None
        assert self.vocabulary is not None
        strings = [self.vocabulary.decode(row) for row in ids.tolist()]
        return strings, self.steering.score(strings)

    def replay_terms(self) -> dict[str, Tensor]:
        """The likelihood of the best strings so far, but for those that were cut off at the greatest length."""
        replay = self.config.reward.replay
        lines = []
        for text in self.steering.again(replay.batch) if self.steering is not None else []:
            assert self.vocabulary is not None
            with contextlib.suppress(TokenError):
                lines.append(self.vocabulary.encode(text))
        ids = pad([line for line in lines if len(line) < self.length], self.length)
        if not len(ids):
            return {}
        return {"replay": token_nll(self.generator, self.alphabet.trim(ids.to(self.device))).mean() * replay.weight}

    def replace_rejected(self, ids: Ids, again: Callable[[int], Ids], random: torch.Generator) -> None:
        """Have sequences that the critic rejects drawn again, in place; `again(n)` draws n of them."""

        def redraw(rows: Tensor) -> tuple[list[Ids], Tensor]:
            new = again(len(rows))
            return [new], logits_of(new)

        def logits_of(some: Ids) -> Tensor:
            whole = nn.functional.pad(some, (0, self.length - some.shape[1]), value=self.alphabet.pad)
            return torch.cat([self.critic((part,)).logits.float() for part in whole.split(256)])

        settings = self.config.critic
        with at_rest(self.critic):
            replace_rejected([ids], logits_of(ids), redraw, settings.rejections, settings.ceiling, random)

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood; the critic alone; both in turns. A constant reward, or no lines, need no critic."""
        config, optimizers = self.config, self.optimizers
        self.unjudged = not len(corpus.train)
        turns = 0 if config.policy.reward == "constant" or self.unjudged else config.critic.steps
        critic = Player("critic", self.critic, optimizers["critic"], self.critic_turn, repeat=turns)
        generator = Player(
            "generator", self.generator, optimizers["generator"], self.generator_turn, max_norm=config.max_norm
        )
        phases = self.pretraining.game(corpus, critic, generator, self.take_over)
        phases[-1].callbacks.append(lambda step, logs: self.rollout_policy.update(self.generator))
        return phases

    def take_over(self) -> None:
        """Go on from the best generator of the pre-training."""
        self.pretraining.take_over()
        for module in (self.rollout_policy.average, self.anchor):
            module.load_state_dict(self.generator.state_dict())
