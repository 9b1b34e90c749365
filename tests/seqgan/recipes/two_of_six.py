"""A toy that a critic's verdict alone teaches: of six tokens the data has two."""

from gancore.training.loop import play
from seqgan.data.corpus import Corpus
from seqgan.networks.decoding import sample
from seqgan.networks.generator import at_rest


def shares_of_right_tokens(networks, data):
    """The share of tokens 2 and 3 in 2,000 samples, before and after all phases of training."""

    def share():
        with at_rest(networks.generator):
            drawn = sample(networks.generator, 2000, data.shape[1])
        return float(((drawn == 2) | (drawn == 3)).float().mean())

    before = share()
    for phase in networks.phases(Corpus(networks.alphabet, *[data] * 3)):
        if len(phase.steps):
            phase.enter()
            play(phase.players, phase.batches, phase.steps, phase.callbacks)
    return before, share()
