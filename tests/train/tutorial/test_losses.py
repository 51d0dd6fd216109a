"""The losses at known values, and rounding to 8 bits."""

import math

import torch

from train.tutorial.losses import discriminator_loss, generator_loss, quantized


def test_a_logit_is_the_log_odds_of_fake() -> None:
    right = discriminator_loss(torch.tensor([-3.0]), torch.tensor([3.0]))
    wrong = discriminator_loss(torch.tensor([3.0]), torch.tensor([-3.0]))
    assert math.isclose(right.item(), math.log(1 + math.exp(-3)), rel_tol=1e-6)
    assert math.isclose(wrong.item(), 3 + math.log(1 + math.exp(-3)), rel_tol=1e-6)
    assert generator_loss(torch.tensor([3.0])) > generator_loss(torch.tensor([-3.0]))


def test_quantized_pictures_are_what_a_file_holds() -> None:
    pictures = torch.rand(1000, requires_grad=True)
    result = quantized(pictures)
    assert torch.equal(result, torch.round(pictures * 255) / 255)
    result.sum().backward()
    assert pictures.grad is not None
    assert torch.equal(pictures.grad, torch.ones(1000))
