from importlib.util import find_spec

import pytest
import torch

from seqgan.networks.architectures import ARCHITECTURES, GeneratorConfig
from seqgan.networks.decoding import sample
from seqgan.networks.generator import Generator, at_rest
from seqgan.networks.rollout import complete, monte_carlo
from seqgan.text.alphabet import Alphabet

KINDS = [kind for kind in ARCHITECTURES if kind != "gpt2" or find_spec("transformers")]

WORDS = Alphabet(size=7, begin=1, end=2, pad=0, unknown=3)
FIXED = Alphabet(size=4, begin=0)


def make(alphabet, kind="lstm", length=5):
    generator = Generator(alphabet, GeneratorConfig(kind, embedding=4, width=8, heads=2), length)
    torch.nn.init.normal_(generator.head.weight, std=1.0)
    return generator


def judge(ids):
    """A reward that depends on every place of a sequence differently."""
    return ((ids + 1) * torch.tensor([1.0, 3.0, 7.0, 11.0, 13.0])[: ids.shape[1]]).sum(1).sin()


def reference(policy, ids, rollouts, random):
    """The estimator as the paper has it, one prefix after the other, one token after the other."""
    values = torch.zeros(ids.shape)
    for row, sequence in enumerate(ids):
        length = int(policy.alphabet.mask(sequence[None]).sum())
        for place in range(length):
            if place == length - 1:
                values[row, place] = judge(sequence[None])[0]
                continue
            prefix = sequence[: place + 1].tolist()
            ended = sample(policy, rollouts, ids.shape[1], random, prefix=prefix)
            values[row, place] = judge(ended).mean()
    return values


@pytest.mark.parametrize(
    ("alphabet", "kind"), [(WORDS, "lstm"), (WORDS, "transformer"), (WORDS, "memory"), (FIXED, "lstm")]
)
def test_values_agree_with_the_transparent_reference(alphabet, kind):
    """Position by position, within five standard errors of two independent estimates."""
    policy = make(alphabet, kind)
    with at_rest(policy):
        ids = sample(policy, 4, 5, torch.Generator().manual_seed(1))
        fast = monte_carlo(policy, ids, judge, 4000, torch.Generator().manual_seed(2))
        slow = reference(policy, ids, 4000, torch.Generator().manual_seed(3))
    assert float((fast - slow).abs().max()) < 5 * (2 * 0.5 / 4000) ** 0.5
    assert torch.equal(fast == 0, ~alphabet.mask(ids))
    last = alphabet.mask(ids).sum(1, keepdim=True) - 1
    torch.testing.assert_close(fast.gather(1, last).squeeze(1), judge(ids))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sure_policy_completes_every_prefix_its_own_way(kind):
    """With a deterministic policy a completion is exactly what greedy decoding makes of its prefix."""
    policy = make(WORDS, kind)
    with torch.no_grad():
        policy.head.weight.mul_(1e4)
    ids = torch.tensor([[4, 5, 6, 4, 2], [5, 2, 0, 0, 0], [6, 6, 6, 6, 6]])
    with at_rest(policy):
        made, owners = complete(policy, ids, 2, None)
        for sequence, owner in zip(made, owners.tolist(), strict=True):
            row, place = divmod(owner, 5)
            expected = sample(policy, 1, 5, prefix=ids[row, : place + 1].tolist())
            assert torch.equal(sequence, expected[0])
    assert sorted(owners.tolist()) == sorted(2 * [0, 1, 2, 3, 5, 10, 11, 12, 13])


def test_each_reward_goes_to_its_own_sentence_and_place():
    """A judge that names the sentence: values of one row never mix with another's."""
    policy = make(FIXED)
    ids = torch.tensor([[0, 1, 2, 3, 0], [1, 1, 1, 1, 1], [3, 2, 1, 0, 3]])
    with at_rest(policy):
        values = monte_carlo(policy, ids, lambda whole: whole[:, 0].float() + 1, 3)
    assert torch.equal(values, (ids[:, :1].float() + 1).expand(-1, 5))


def test_sequences_of_one_token():
    policy = make(WORDS)
    ids = torch.tensor([[2, 0, 0, 0, 0]])
    with at_rest(policy):
        values = monte_carlo(policy, ids, judge, 2)
    assert values[0, 0] == judge(ids)[0]
    assert float(values[0, 1:].abs().sum()) == 0
