"""Networks that are asked: what is asked moves them, what is unknown does not, and without context nothing changes."""

import pytest
import torch

from gancore.types import Context
from molgan.data import graphs
from molgan.networks.autoregressive import AutoregressiveGenerator
from molgan.networks.fingerprint_critic import FingerprintCritic
from molgan.networks.one_shot import Encoder, Generator, GraphCritic
from molgan.recipes.molgan import RelationalNetwork

ASKED = 2


def networks(data):
    """By name: what makes a network of so many context features, and what it says of a sample and a context."""
    kinds, size, capacity = (
        len(data.vocabulary.atoms),
        data.vocabulary.max_atoms,
        torch.tensor(data.vocabulary.capacity),
    )
    noise = torch.randn(8, 6)
    return {
        "generator": (
            lambda n: Generator(6, size, kinds, (16,), context_features=n),
            lambda net, sample, context: net(noise, graphs.node_mask(sample[0]), context)[0].flatten(1).sum(1),
        ),
        "encoder": (
            lambda n: Encoder(6, size, kinds, (16,), n),
            lambda net, sample, context: net(sample, context)[0].sum(1),
        ),
        "autoregressive": (
            lambda n: AutoregressiveGenerator(capacity, size, 16, 8, 1, 0.0, n),
            lambda net, sample, context: net.log_prob(*graphs.indices(sample), context),
        ),
        "graph critic": (
            lambda n: GraphCritic(data.vocabulary, (16,), 8, 1, n),
            lambda net, sample, context: net(sample, context).logits,
        ),
        "fingerprint critic": (
            lambda n: FingerprintCritic(capacity, 64, 8, 16, n),
            lambda net, sample, context: net(sample, context).logits,
        ),
        "relational": (
            lambda n: RelationalNetwork(kinds, (16, 8), 12, 12, n),
            lambda net, sample, context: net(sample, context).logits,
        ),
    }


@pytest.mark.parametrize(
    "name", ["generator", "encoder", "autoregressive", "graph critic", "fingerprint critic", "relational"]
)
def test_what_is_asked_moves_a_network_row_by_row(name, small_data):
    make, says = networks(small_data)[name]
    sample = graphs.one_hots(small_data.atoms[:8], small_data.orders[:8], len(small_data.vocabulary.atoms))
    plain, asked = make(0), make(ASKED)
    assert set(plain.state_dict()) <= set(asked.state_dict())
    if name not in ("generator", "encoder"):  # whose first layer is wider
        asked.load_state_dict(plain.state_dict(), strict=False)
        torch.testing.assert_close(says(asked, sample, None), says(plain, sample, None))
        assert set(asked.state_dict()) > set(plain.state_dict())
    context = Context(torch.randn(8, ASKED), torch.ones(8, ASKED, dtype=torch.bool))
    context.known[:4] = False
    nothing, something = says(asked, sample, None), says(asked, sample, context)
    torch.testing.assert_close(something[:4], nothing[:4])
    assert ((something[4:] - nothing[4:]).abs() > 1e-6).all()
    with pytest.raises(ValueError, match="the network was made for 0"):
        says(plain, sample, context)
    with pytest.raises(ValueError, match="the network was made for 2"):
        says(asked, sample, Context.unknown(8, 3))


def test_draws_of_the_autoregressive_generator_follow_the_likelihood_of_what_is_asked(small_data):
    """Of molecules of one atom: the share of each type is its probability given the context."""
    capacity = torch.tensor(small_data.vocabulary.capacity)
    net = AutoregressiveGenerator(capacity, 1, 16, 8, 1, 0.0, 1)
    with torch.no_grad():
        net.trunk.context.embedded.weights.weight.mul_(100)
    kinds, n = torch.arange(len(capacity))[:, None], 20_000
    shares = []
    for value in (-1.0, 1.0):
        context = Context(torch.full((n, 1), value), torch.ones(n, 1, dtype=torch.bool))
        expected = net.log_prob(kinds, torch.zeros(len(kinds), 0, dtype=torch.long), context[: len(kinds)]).exp()
        atoms, _ = net.sample(torch.ones(n, 1, dtype=torch.bool), 1.0, torch.Generator().manual_seed(0), context)
        shares.append(atoms.flatten().bincount(minlength=len(kinds)) / n)
        assert ((shares[-1] - expected).abs() < 5 * (expected * (1 - expected) / n).sqrt() + 1e-4).all()
    assert (shares[0] - shares[1]).abs().sum() > 0.05


def test_guidance_sharpens_what_is_asked_and_one_is_plain_sampling(small_data):
    net = AutoregressiveGenerator(torch.tensor(small_data.vocabulary.capacity), 1, 8, 4, 1, 0.0, context_features=1)
    torch.manual_seed(0)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.6)
    n, present = 20_000, torch.ones(20_000, 1, dtype=torch.bool)
    context = Context(torch.ones(n, 1), torch.ones(n, 1, dtype=torch.bool))
    kinds = torch.arange(net.kinds)[:, None]
    nothing = torch.zeros(net.kinds, 0, dtype=torch.long)
    asked, free = (
        net.log_prob(kinds, nothing, c).detach() for c in (context[: net.kinds], context.hidden[: net.kinds])
    )
    for guidance in (1.0, 2.5, 0.0):
        expected = (free + guidance * (asked - free)).softmax(0)
        atoms, _ = net.sample(present, 1.0, torch.Generator().manual_seed(0), context, guidance)
        share = atoms.flatten().bincount(minlength=net.kinds) / n
        assert ((share - expected).abs() < 5 * (expected * (1 - expected) / n).sqrt() + 1e-4).all(), guidance
