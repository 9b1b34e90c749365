"""CPU seconds of a SeqGAN's operations at the published sizes (T=20, V=5000, E=H=32, B=64, N=16), one thread.

The peer does the same as published, plainly in PyTorch (`benchmarks.peers`); BLEU is NLTK's. What takes the peer
minutes is timed in part and multiplied: its cost is the same for each sequence, rollout and hypothesis.
"""

import torch

from benchmarks import peers
from benchmarks.oracle import PUBLISHED
from benchmarks.timing import cpu_seconds
from gancore.training.loop import reduce_losses
from gancore.types import Batch
from seqgan.data.corpus import Corpus
from seqgan.data.grammar import corpus
from seqgan.data.space import TextSpace
from seqgan.metrics import bleu, self_bleu
from seqgan.metrics.oracle import lstm_oracle
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest
from seqgan.recipes import RECIPES
from seqgan.recipes.config import Config, LikelihoodConfig
from seqgan.recipes.reinforce import PolicyConfig
from seqgan.recipes.seqgan_config import SeqGANCriticConfig

SEQUENCES, ROLLOUTS, BATCH, LENGTH = 10_000, 16, 64, 20
_PART = {"sequences": 640, "hypotheses": 4}  # what the peer is timed on


def _step(player, ids):
    batch = Batch((ids,))
    return lambda: player.step(reduce_losses(player.losses(batch, 0), batch))


def rows(short: bool = False):
    """`(what, ours, peer's, ratio)`, CPU seconds."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    oracle = lstm_oracle(0, vocabulary=200) if short else lstm_oracle(0)
    count, rollouts, size = (32, 1, 8) if short else (SEQUENCES, ROLLOUTS, BATCH)
    repeat, few, warm_up = (1, 1, 0) if short else (10, 3, 3)
    ids = sample(oracle, 64 if short else 640, LENGTH)
    batch = ids[:size]
    generator, critic = peers.Recurrent(oracle.alphabet.size), peers.Convolutional(oracle.alphabet.size, LENGTH)
    made, phases = _networks(oracle, ids, SeqGANCriticConfig(), PolicyConfig(rollouts=rollouts))
    ours = cpu_seconds(lambda: sample(oracle, count, LENGTH), few)
    part = min(count, _PART["sequences"])
    theirs = cpu_seconds(peers.sampling(generator, part, LENGTH, size), few) * count / part
    yield f"sample {count:,} sequences, CPU-s", ours, theirs, theirs / ours
    ours = cpu_seconds(lambda: _rewarded(made, batch), few, warm_up and 1)
    searched = cpu_seconds(peers.rolling_out(generator, critic, batch, 1), few, warm_up and 1) * rollouts
    yield f"reward of a batch by {rollouts} rollouts, CPU-s", ours, searched, searched / ours
    scale = count / size
    ours = cpu_seconds(_step(phases[0].players[0], batch), repeat, warm_up) * scale
    theirs = cpu_seconds(peers.teaching(generator, batch), repeat, warm_up) * scale
    yield f"maximum likelihood, {count:,} sequences, CPU-s", ours, theirs, theirs / ours
    ours = cpu_seconds(_step(phases[1].players[0], batch[: size // 2]), repeat, warm_up)
    theirs = cpu_seconds(peers.judging(critic, batch), repeat, warm_up)
    yield f"critic, one step of {size}, CPU-s", ours, theirs, theirs / ours
    _, phases = _networks(oracle, ids, SeqGANCriticConfig("recurrent"), PolicyConfig("dense"))
    dense = cpu_seconds(_step(phases[-1].players[0], batch), repeat, warm_up)
    yield "a generator's step with a dense critic (rollouts), CPU-s", dense, searched, searched / dense
    yield from _bleu(count, few)


def _networks(oracle, ids, critic: SeqGANCriticConfig, policy: PolicyConfig):
    likelihood = LikelihoodConfig(epochs=1, patience=0)
    config = Config(
        recipe="seqgan",
        model=PUBLISHED.model,
        likelihood=likelihood,
        critic=critic,
        policy=policy,
        lr=1e-2,
        average=0.0,
        device="cpu",
    )
    made = RECIPES["seqgan"](config, TextSpace(oracle.alphabet, LENGTH), torch.device("cpu"))
    return made, made.phases(Corpus(oracle.alphabet, ids, ids[:0], ids[:0]))


def _bleu(count: int, repeat: int):
    lines = [line.split() for line in corpus(2 * count)]
    made, real = lines[:count], lines[count:]
    some = made[: _PART["hypotheses"]]
    each = count / len(some)
    for what, ours, theirs in (
        (f"BLEU-2 to 5, {count:,} against as many (NLTK), CPU-s", lambda: bleu(made, real), real),
        (f"Self-BLEU-2 to 5 of {count:,} (NLTK), CPU-s", lambda: self_bleu(made), made[1:]),
    ):
        mine, peer = cpu_seconds(ours, repeat), cpu_seconds(peers.nltk_bleu(some, theirs), 1, 0) * each
        yield what, mine, peer, peer / mine


def _rewarded(networks, ids):
    with at_rest(networks.generator, networks.critic, networks.rollout_policy):
        return networks.values(ids)
