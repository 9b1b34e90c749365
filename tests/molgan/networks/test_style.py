"""The style generator: what a style may change, mixing, truncation; the table of one-shot generators."""

import pytest
import torch

from gancore.losses.orthogonal import orthogonal
from gancore.types import Context
from molgan.networks.architectures import ARCHITECTURES
from molgan.networks.style import ModulatedLinear, StyleGenerator
from molgan.recipes.one_shot_config import OneShotModelConfig


@pytest.fixture
def generator():
    torch.manual_seed(0)
    made = StyleGenerator(6, 5, 3, (16, 12, 8), mapping=2, context_features=2)
    for layer in made.layers:  # so that styles matter: they begin without effect
        torch.nn.init.normal_(layer.scale.weight, std=0.5)
    return made


def test_outputs_of_a_modulated_layer_have_unit_scale_whatever_the_style():
    torch.manual_seed(0)
    layer = ModulatedLinear(64, 32, 4)
    torch.nn.init.normal_(layer.scale.weight, std=2.0)
    torch.nn.init.zeros_(layer.linear.bias)
    x, style = torch.randn(4000, 64), torch.randn(1, 4)
    out = layer(x, style.expand(4000, 4))
    assert out.std(0).mean().item() == pytest.approx(1, abs=0.03)
    torch.testing.assert_close(layer(x, 1e3 * style.expand(4000, 4)).std(0), out.std(0), rtol=0.2, atol=0.2)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_generator_of_the_table_gives_logits_of_a_graph_and_hears_what_is_asked(name):
    torch.manual_seed(0)
    made = ARCHITECTURES[name](OneShotModelConfig(noise=6, generator=(16, 8)), 5, 3, 2)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    noise, present = torch.randn(4, 6), torch.ones(4, 5, dtype=torch.bool)
    asked = Context(torch.randn(4, 2), torch.ones(4, 2, dtype=torch.bool))
    nodes, bonds = made(noise, present, asked)
    assert (nodes.shape, bonds.shape) == ((4, 5, 3), (4, 10, 4))
    assert not torch.equal(made(noise, present)[0], nodes)
    torch.testing.assert_close(made(noise, present)[0], made(noise, present, asked.hidden)[0])


def test_mixed_noise_is_the_others_from_a_layer_on(generator):
    noise, other = torch.zeros(4, 6), torch.ones(4, 6)
    mixed = generator.mix(noise, other, torch.tensor([0.0, 0.49, 0.99, 1.5]))
    assert mixed.shape == (4, 3, 6)
    assert mixed[..., 0].tolist() == [[0, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]]
    noise, present = torch.randn(4, 6), torch.ones(4, 5, dtype=torch.bool)
    plain = generator.mix(noise, other, torch.ones(4))
    torch.testing.assert_close(generator(plain, present)[0], generator(noise, present)[0])


def test_truncation_goes_to_the_mean_style_in_evaluation_alone(generator):
    present = torch.ones(300, 5, dtype=torch.bool)
    noise = torch.randn(300, 6)
    for _ in range(1500):
        generator.styles(torch.randn(64, 6), None)
    generator.eval()
    whole = generator.styles(noise, None)
    torch.testing.assert_close(whole.mean(0), generator.mean, rtol=0, atol=0.05)
    generator.truncation = 0.5
    torch.testing.assert_close(generator.styles(noise, None), generator.mean + 0.5 * (whole - generator.mean))
    generator.truncation = 0.0
    nodes = generator(noise, present)[0]
    torch.testing.assert_close(nodes, nodes[:1].expand_as(nodes))
    generator.train()
    assert generator(noise, present)[0].std(0).mean() > 0.01


def test_orthogonal_rows_cost_nothing_and_equal_rows_their_product():
    layer = torch.nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0]]))
    assert orthogonal(layer).item() == pytest.approx(2 * 25)
    with torch.no_grad():
        layer.weight[1] = torch.tensor([-2.0, 1.0, 5.0])
    assert orthogonal(layer).item() == pytest.approx(0)
