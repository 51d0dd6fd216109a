"""The networks in PyTorch and in NumPy, as trained and as published, give the same numbers."""

import numpy as np
import pytest
import torch

from train.isolation.layers import INPUTS, LOCATOR, SEGMENTER, UNIT, Layer, Weights, published_weights, run
from train.isolation.networks import Network


def weights_of(network: Network) -> Weights:
    tensors = {name: tensor.numpy().astype(np.float32) for name, tensor in network.tensors().items()}
    for index in range(len(network.layers)):
        tensors[f"{index}.weight"] *= np.exp2(tensors[f"{index}.exponent"])[:, None, None, None]
    return tensors


@pytest.mark.parametrize(("layers", "channels", "stride"), [(LOCATOR, 6, 4), (SEGMENTER, 1, 1)])
def test_numpy_computes_what_was_trained(layers: tuple[Layer, ...], channels: int, stride: int) -> None:
    torch.manual_seed(0)
    network = Network(layers, 2.0).eval()
    image = np.random.default_rng(0).integers(-127, 128, (INPUTS, 64, 64)).astype(np.float32)
    with torch.no_grad():
        wanted = network(torch.from_numpy(image)[None] / UNIT)[0].numpy() * UNIT
    found = run(layers, weights_of(network), image)
    assert found.shape == (channels, 64 // stride, 64 // stride)
    assert np.array_equal(found, np.rint(found))
    # PyTorch rounds halves to even, and does not round the output.
    assert np.abs(found - wanted).mean() < 0.05 * wanted.std() + 1


@pytest.mark.parametrize(("name", "layers"), [("locator", LOCATOR), ("segmenter", SEGMENTER)])
def test_all_sums_of_the_published_weights_are_exact(name: str, layers: tuple[Layer, ...]) -> None:
    weights = published_weights()[name]
    for index in range(len(layers)):
        weight = weights[f"{index}.weight"].reshape(len(weights[f"{index}.bias"]), -1)
        step = np.exp2(np.floor(np.log2(np.abs(weight).max(1) / 64)))[:, None]
        assert np.array_equal(weight / step, np.rint(weight / step))
        # Two hidden layers of up to 255 are added; float32 represents integers up to 2^24.
        assert (np.abs(weight / step).sum(1) * 2 * 255).max() < 2**24
