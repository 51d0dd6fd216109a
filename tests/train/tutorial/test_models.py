"""The tutorial's networks have the tutorial's shape."""

import copy

import torch
from torch import nn

from train.tutorial.models import MlpDiscriminator, MlpGenerator


def widths(network: nn.Module) -> list[int]:
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def test_the_networks_have_the_notebooks_widths() -> None:
    assert widths(MlpDiscriminator(784)) == [784, 512, 256, 128, 1]
    assert widths(MlpGenerator(64, 784)) == [64, 128, 256, 512, 1024, 784]


def test_both_modes_at_once_equal_one_after_the_other() -> None:
    torch.manual_seed(0)
    network = MlpGenerator(64, 784)
    other = copy.deepcopy(network)
    train_noise, eval_noise = torch.randn(6, 64), torch.randn(5, 64)
    with torch.no_grad():
        expected = torch.cat([other.train()(train_noise), other.eval()(eval_noise)])
        assert torch.allclose(network.both_modes(train_noise, eval_noise), expected, atol=1e-6)
        assert not torch.allclose(network.eval()(train_noise), expected[:6], atol=1e-3)
    for name, value in other.state_dict().items():
        assert torch.allclose(value, network.state_dict()[name], atol=1e-6), name
