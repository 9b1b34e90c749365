"""CPU seconds of a SeqGAN's operations at the published sizes (T=20, V=5000, E=H=32, B=64, N=16), one thread.

The peer is TextGAN-PyTorch, measured on another machine; so are NLTK's 0.4 s a hypothesis for BLEU-2 to 5.
"""

import torch

from benchmarks.oracle import PUBLISHED
from benchmarks.timing import cpu_seconds
from seqgan.config import Config, CriticConfig, LikelihoodConfig, PolicyConfig
from seqgan.data import Corpus
from seqgan.decoding import sample
from seqgan.generator import at_rest
from seqgan.grammar import corpus
from seqgan.metrics import bleu, self_bleu
from seqgan.oracle import lstm_oracle
from seqgan.recipes import RECIPES

PEER = {"sample": 42.0, "rollouts": 81.0, "likelihood": 11.0, "critic": 0.26, "bleu": 0.4 * 10_000}


def _step(player, batch):
    return lambda: player.step(player.losses(batch, 0))


def rows():
    """`(what, ours, peer's, ratio)`, CPU seconds; the least of the peer's where it has a range."""
    torch.set_num_threads(1)
    oracle = lstm_oracle(0)
    ids = sample(oracle, 640, 20)
    data = Corpus(oracle.alphabet, ids, ids[:0], ids[:0])
    found = {}

    def networks(critic: CriticConfig, policy: PolicyConfig):
        likelihood = LikelihoodConfig(epochs=1, patience=0)
        config = Config(
            model=PUBLISHED.model,
            likelihood=likelihood,
            critic=critic,
            policy=policy,
            lr=1e-2,
            average=0.0,
            device="cpu",
        )
        made = RECIPES["seqgan"](config, oracle.alphabet, 20, torch.device("cpu"))
        return made, made.phases(data)

    made, phases = networks(CriticConfig(), PolicyConfig())
    batch = ids[:64]
    found["sample"] = "sample 10,000 sequences", cpu_seconds(lambda: sample(oracle, 10_000, 20), 3)
    found["rollouts"] = "reward of a batch by 16 rollouts", cpu_seconds(lambda: _rewarded(made, batch), 3)
    epoch = cpu_seconds(_step(phases[0].players[0], batch), 10, 3) * 10_000 / 64
    found["likelihood"] = "maximum likelihood, 10,000 sequences", epoch
    found["critic"] = "critic, one step of 64", cpu_seconds(_step(phases[1].players[0], ids[:32]), 10, 3)
    _, phases = networks(CriticConfig("recurrent"), PolicyConfig("dense"))
    dense = cpu_seconds(_step(phases[-1].players[0], batch), 10, 3)
    lines = [line.split() for line in corpus(20_000)]
    found["bleu"] = "BLEU-2 to 5, 10,000 against 10,000", cpu_seconds(lambda: bleu(lines[:10_000], lines[10_000:]), 3)
    for name, (what, seconds) in found.items():
        yield f"{what}, CPU-s", seconds, PEER[name], PEER[name] / seconds
    yield "a generator's step with a dense critic, CPU-s", dense, PEER["rollouts"], PEER["rollouts"] / dense
    same = cpu_seconds(lambda: self_bleu(lines[:10_000]), 3)
    yield "Self-BLEU-2 to 5 of 10,000, CPU-s", same, PEER["bleu"], PEER["bleu"] / same


def _rewarded(networks, ids):
    with at_rest(networks.generator, networks.critic, networks.rollout_policy):
        return networks.values(ids)
