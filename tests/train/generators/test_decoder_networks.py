"""The structures of the random autoencoders, and what they have in common."""

import dataclasses

import pytest
import torch

from train.generators.decoder_networks import (
    CHOICES,
    Autoencoder,
    PatchAdversary,
    Structure,
    clipped,
    draw_structure,
    reconstruction_loss,
    similarity,
)

COUNT = 100
STRUCTURES = [draw_structure(0, index, COUNT) for index in range(COUNT)]


def test_structures_are_reproducible_varied_and_balanced() -> None:
    assert draw_structure(0, 17, COUNT) == STRUCTURES[17]
    assert draw_structure(1, 17, COUNT) != STRUCTURES[17]
    assert len(set(STRUCTURES)) == COUNT
    for name in CHOICES.keys() - {"code", "size"}:
        assert {getattr(each, name) for each in STRUCTURES} == set(CHOICES[name])
    assert sum(each.black for each in STRUCTURES) == COUNT / 2
    assert sum(each.adversary for each in STRUCTURES) == COUNT / 4
    # A part of them, as of an unfinished training, has everything too.
    assert {each.black for each in STRUCTURES[:12]} == {False, True}
    assert {each.adversary for each in STRUCTURES[:12]} == {False, True}


def test_losses_like_l1_have_a_normalization() -> None:
    unnormalized = [each.loss for each in STRUCTURES if each.norm == "none"]
    assert set(unnormalized) == {"l2", "bce"}


@pytest.mark.parametrize("structure", STRUCTURES[::3])
def test_an_autoencoder_is_small_and_learns_in_all_its_layers(structure: Structure) -> None:
    torch.manual_seed(0)
    network = Autoencoder(structure)
    assert sum(parameter.numel() for parameter in network.parameters()) < 36_000
    pictures = torch.rand(4, 1, 28, 28) * (torch.rand(4, 1, 28, 28) > 0.8)
    assert network.encoder(pictures).shape == (4, *network.code_shape)
    values = network(pictures)
    assert values.shape == pictures.shape
    loss = reconstruction_loss(structure, values, pictures)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(parameter.grad is not None for parameter in network.parameters())
    first = next(network.encoder.parameters()).grad
    assert first is not None
    assert first.abs().sum() > 0


@pytest.mark.parametrize("loss", CHOICES["loss"])
def test_a_loss_falls_towards_the_picture(loss: str) -> None:
    structure = dataclasses.replace(STRUCTURES[0], loss=loss)
    torch.manual_seed(0)
    pictures = torch.rand(2, 1, 28, 28).round()
    worse, better, exact = (
        reconstruction_loss(structure, torch.lerp(pictures, 1 - pictures, share) - 0.04, pictures).item()
        for share in (0.6, 0.3, 0.0)
    )
    assert worse > better > exact

    # Where pixels are right, nothing drives their outputs further beyond black and white.
    values = (1.1 * pictures - 0.05).requires_grad_()
    reconstruction_loss(structure, values, pictures).backward()
    assert values.grad is not None
    assert values.grad.abs().max() < 1e-6


def test_black_paper_is_wanted_below_0() -> None:
    structure = dataclasses.replace(STRUCTURES[0], black=True, loss="l2")
    pictures = torch.zeros(1, 1, 28, 28)
    assert reconstruction_loss(structure, pictures - 0.02, pictures).item() == 0
    assert reconstruction_loss(structure, pictures, pictures).item() > 0
    lenient = dataclasses.replace(structure, black=False)
    assert reconstruction_loss(lenient, pictures, pictures).item() == 0


@pytest.mark.parametrize("output", CHOICES["output"])
def test_outputs_reach_black_and_white(output: str) -> None:
    network = Autoencoder(dataclasses.replace(STRUCTURES[0], output=output, black=True))
    extremes = torch.tensor([-50.0, 50.0])
    network.decoder = torch.nn.Identity()  # type: ignore[assignment]
    assert clipped(network.decode(extremes)).tolist() == pytest.approx([0, 1], abs=1e-6)


def test_clipping_passes_the_gradient_of_stuck_pixels() -> None:
    values = torch.tensor([-0.5, 0.5, 2.0], requires_grad=True)
    pictures = clipped(values)
    assert pictures.tolist() == [0, 0.5, 1]
    pictures.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [1, 1, 1]


def test_similarity_is_1_for_equal_pictures_only() -> None:
    torch.manual_seed(0)
    picture = torch.rand(1, 1, 28, 28)
    assert similarity(picture, picture).item() == pytest.approx(1, abs=1e-4)
    assert similarity(picture, 1 - picture).item() < 0
    assert similarity(picture, torch.rand(1, 1, 28, 28)).item() < 0.2


def test_the_adversary_sees_patches_only() -> None:
    torch.manual_seed(0)
    adversary = PatchAdversary()
    picture = torch.zeros(1, 1, 28, 28)
    changed = picture.clone()
    changed[0, 0, 0, 0] = 1
    differing = (adversary(picture) != adversary(changed))[0, 0]
    assert differing.shape == (7, 7)
    assert differing[0, 0]
    assert not differing[3:, 3:].any()
