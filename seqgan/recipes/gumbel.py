"""RelGAN and its relatives (Nie et al. 2019): the critic's gradient flows through a relaxed draw into the generator."""

from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.optim import Optimizer

from gancore.losses.adversarial import OBJECTIVES
from gancore.losses.adversary import Adversary
from gancore.losses.penalties import finite_r1_r2
from gancore.sampling.estimators import ESTIMATORS
from gancore.training.device import adam
from gancore.training.loop import Player
from gancore.training.run import Phase
from gancore.types import Batch, Context, Sample
from seqgan.config import Config
from seqgan.data.corpus import Corpus
from seqgan.networks.critics import CRITICS
from seqgan.networks.generator import at_rest, token_nll, without_dropout
from seqgan.recipes.mle import Likelihood
from seqgan.text.alphabet import Alphabet, Ids


class Relaxed:
    """Everything with state, and the turns. `modules` and `optimizers` are what a checkpoint holds."""

    def __init__(self, config: Config, alphabet: Alphabet, length: int, device: torch.device):
        self.config, self.alphabet, self.length, self.device = config, alphabet, length, device
        self.pretraining = Likelihood(config, alphabet, length, device)
        self.generator, self.averaged = self.pretraining.generator, self.pretraining.averaged
        critic = CRITICS[config.critic.kind](alphabet, config.critic, length).to(device)
        weight = config.critic.penalty_weight
        penalties = {"penalty": (finite_r1_r2, weight)} if weight else {}
        self.adversary = Adversary(critic, OBJECTIVES[config.critic.objective], penalties)
        self.modules = self.pretraining.modules | {"critic": critic}
        self.start = 0  # the step at which the game begins, set with the phases

    @cached_property
    def optimizers(self) -> dict[str, Optimizer]:
        """Made when training asks for them, which loads a second or two of torch that sampling does without."""
        return self.pretraining.optimizers | {
            "generator": adam(self.generator.parameters(), self.config.lr),
            "critic": adam(self.adversary.critic.parameters(), self.config.critic.lr),
        }

    def critic_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Tell one-hot real sequences from relaxed generated ones."""
        with at_rest(self.generator):
            fake = Batch(self.relax(len(real), step, real.context), real.context)
        return self.adversary.critic_losses(Batch(self.one_hots(real.sample[0]), real.context), fake, step)

    def generator_turn(self, real: Batch, step: int) -> dict[str, Tensor]:
        """Pass for real, beside the real batch."""
        with without_dropout(self.generator):
            fake = Batch(self.relax(len(real), step, real.context), real.context)
            losses = self.adversary.generator_losses(Batch(self.one_hots(real.sample[0]), real.context), fake)
            if self.config.relax.likelihood:
                own = token_nll(self.generator, self.alphabet.trim(real.sample[0]), real.context)
                losses["likelihood"] = own * self.config.relax.likelihood
        return losses

    def relax(self, n: int, step: int, context: Context | None = None) -> Sample:
        """`n` relaxed draws `(n, length, token)`, each step fed with the relaxed token before; zeros after an end."""
        settings = self.config.relax
        done = min(1.0, max(0, step - self.start) / max(1, self.config.steps))
        temperature = settings.sharpness**-done
        estimator, table = ESTIMATORS[settings.estimator], self.generator.embedding.weight
        embedded = table[self.alphabet.begin].expand(n, -1)
        state, rows = self.generator.start(n, context), []
        going = torch.ones(n, 1, device=self.device)
        for _ in range(self.length):
            features, state = self.generator.step_embedded(embedded, state)
            drawn = estimator(self.generator.read(features), temperature)
            rows.append(drawn.relaxed * going)
            embedded = drawn.relaxed @ table
            if self.alphabet.end is not None:
                going = going * (1 - drawn.hard[:, self.alphabet.end, None].detach())
        return (torch.stack(rows, 1),)

    def one_hots(self, ids: Ids) -> Sample:
        """Real sequences as one-hot rows, zeros for padding."""
        return (one_hot(ids, self.alphabet.size).float() * self.alphabet.mask(ids)[..., None],)

    def phases(self, corpus: Corpus) -> list[Phase]:
        """Maximum likelihood; the critic alone; both in turns."""
        config, net, optimizers = self.config, self.adversary.critic, self.optimizers
        critic = Player("critic", net, optimizers["critic"], self.critic_turn, repeat=config.critic.steps)
        generator = Player(
            "generator", self.generator, optimizers["generator"], self.generator_turn, max_norm=config.max_norm
        )
        phases = self.pretraining.game(corpus, critic, generator, self.pretraining.take_over)
        self.start = phases[-1].steps.start
        return phases
