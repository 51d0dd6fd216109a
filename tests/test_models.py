"""The tutorial's networks have the tutorial's shape."""

import torch
from torch import nn

from train.models import MlpDiscriminator, MlpGenerator


def widths(network: nn.Module) -> list[int]:
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def test_discriminator() -> None:
    network = MlpDiscriminator(784)
    assert widths(network) == [784, 512, 256, 128, 1]
    slopes = {layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)}
    assert slopes == {0.2}
    assert network(torch.rand(5, 784)).shape == (5,)


def test_generator() -> None:
    network = MlpGenerator(64, 784)
    assert widths(network) == [64, 128, 256, 512, 1024, 784]
    assert sum(isinstance(layer, nn.BatchNorm1d) for layer in network.modules()) == 4
    pictures = network(torch.randn(5, 64))
    assert pictures.shape == (5, 784)
    assert 0 < pictures.min() <= pictures.max() < 1
