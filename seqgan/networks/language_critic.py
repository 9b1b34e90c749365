"""A critic that begins as the generator: what a language model knows of a sequence, read by one linear layer.

Critics trained from scratch hardly see what is wrong with the samples of a good language model. This one starts with
its states, and with how likely it finds the sequence.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from gancore.types import Context, CriticOutput, Sample
from seqgan.networks.architectures import GeneratorConfig
from seqgan.networks.critics import CriticConfig, NgramCritic
from seqgan.networks.generator import Generator
from seqgan.networks.likelihood import by_rows
from seqgan.text.alphabet import Alphabet, Ids


class LanguageCritic(nn.Module):
    """A generator's network with an output for the whole sequence (a reward model, Ouyang et al. 2022).

    The output reads the mean and the last of the states before each token, and the mean and the sum of the tokens'
    log-probabilities; it begins at 0. model: the network, that of the generator. `begin_as` takes its weights over.
    """

    begun: Tensor

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, model: GeneratorConfig):
        super().__init__()
        self.alphabet, self.length = alphabet, length
        model = replace(model, dropout=config.dropout, embedding_dropout=min(config.dropout, model.embedding_dropout))
        self.language = Generator(alphabet, model, length)
        self.out = nn.Linear(2 * model.width + 2, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.register_buffer("begun", torch.zeros((), dtype=torch.bool))

    def begin_as(self, generator: Generator) -> None:
        """Take the generator's weights; only once, so that a critic that has learnt stays as it is."""
        if not self.begun:
            self.language.load_state_dict(generator.state_dict())
            self.begun.fill_(True)

    def read(self, ids: Ids) -> Tensor:
        """What the output reads `(batch, feature)`."""
        ids = self.alphabet.trim(ids)
        states, mask = self.language.features(ids), self.alphabet.mask(ids)
        tokens = mask.sum(1)
        last = states[torch.arange(len(ids), device=ids.device), tokens - 1]
        mean = (states * mask[..., None]).sum(1) / tokens[:, None]

        def log_prob(states: Tensor, tokens: Tensor) -> Tensor:
            return self.language.read(states).log_softmax(-1).gather(1, tokens[:, None]).squeeze(1)

        found = by_rows(log_prob, self.alphabet.size, states, ids)
        total = (found * mask).sum(1, keepdim=True)
        return torch.cat((mean, last, total / tokens[:, None], total / self.length), 1)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence of ids `(batch, step)`."""
        features = self.read(sample[0])
        return CriticOutput(self.out(features).squeeze(1), features)


class LanguageAndNgrams(nn.Module):
    """Two critics, whose logits are added: one that begins as the generator, one of n-grams."""

    def __init__(self, alphabet: Alphabet, config: CriticConfig, length: int, model: GeneratorConfig):
        super().__init__()
        self.language = LanguageCritic(alphabet, config, length, model)
        self.ngrams = NgramCritic(alphabet, config, length)

    def begin_as(self, generator: Generator) -> None:
        """Take the generator's weights, once."""
        self.language.begin_as(generator)

    def forward(self, sample: Sample, context: Context | None = None) -> CriticOutput:
        """One logit a sequence of ids `(batch, step)`."""
        one, other = self.language(sample), self.ngrams(sample)
        assert one.features is not None
        assert other.features is not None
        return CriticOutput(one.logits + other.logits, torch.cat((one.features, other.features), 1))
