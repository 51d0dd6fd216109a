"""Every family through its common interface, then what is specific to each."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from train.config import GeneratorsConfig, from_preset
from train.data.mnist import CLASSES, Digits, hold_out, load
from train.device import resolve
from train.generators.adversarial import AdversarialFamily
from train.generators.build import FAMILIES
from train.generators.flow import Flow
from train.generators.hinge_gan import HingeGan
from train.generators.mixture import Mixture
from train.generators.mlp_gan import STAGES
from train.generators.pixel_cnn import LEVELS, PixelNetwork
from train.generators.r3gan import R3Gan
from train.generators.wgan_gp import WganGp
from train.run import Run

pytestmark = pytest.mark.usefixtures("narrow")


def config() -> GeneratorsConfig:
    options = {"preset": "smoke", "effort": 1e-9, "precision": "float32", "threads": 1, "device": "cpu"}
    return resolve(from_preset(GeneratorsConfig, options))


@pytest.fixture(scope="module")
def digits(few_digits: str) -> Digits:
    known, _ = hold_out(load(few_digits, "train"))
    return known.first(600)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_fits_and_samples_reproducibly(name: str, digits: Digits, tmp_path: Path) -> None:
    family = FAMILIES[name](config())
    run = Run(tmp_path / name)
    seconds = family.fit(digits, run)
    wanted = np.arange(12) % CLASSES if family.conditional else None
    one, other = (family.sample(12, seed, wanted) for seed in (1, 2))
    assert one.dtype == np.uint8
    assert one.shape == (12, 28, 28)
    assert not np.array_equal(one, other)
    offered = family.generators(name, seconds)
    assert {each.kind for each in offered} == {family.kind}
    assert len(offered) == (len(STAGES) if name == "mlp_gan" else 1 + isinstance(family, AdversarialFamily))

    # Fitting a finished family again restores it.
    restored = FAMILIES[name](config())
    seconds = restored.fit(digits, run)
    assert np.array_equal(restored.generators(name, seconds)[-1].sample(12, 1, wanted), one)


def test_an_adversarial_family_also_samples_from_an_early_stage(digits: Digits, tmp_path: Path) -> None:
    family = HingeGan(dataclasses.replace(config(), effort=4 / HingeGan.steps))
    seconds = family.fit(digits, Run(tmp_path / "hinge_gan"))
    assert Run(tmp_path / "hinge_gan").steps() == [1, 4]
    early, late = family.generators("hinge_gan", seconds)
    assert (early.name, late.name) == ("hinge_gan_early", "hinge_gan")
    expected = HingeGan(config())
    expected.restore_average(Run(tmp_path / "hinge_gan").load(1)[0])
    assert np.array_equal(early.sample(6, 0, None), expected.sample(6, 0))
    assert not np.array_equal(early.sample(6, 0, None), late.sample(6, 0, None))

    # A run from before there were early stages.
    Run(tmp_path / "hinge_gan").snapshot_path(1).unlink()
    old = HingeGan(family.config)
    old.load(old.sampling_tensors(Run(tmp_path / "hinge_gan")), digits)
    (only,) = old.generators("hinge_gan", seconds)
    assert np.array_equal(only.sample(6, 0, None), late.sample(6, 0, None))


class Plane(nn.Module):
    """A discriminator whose gradient is the same everywhere."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.weight = torch.full((784,), slope / 28)

    def forward(self, pictures: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        return pictures.flatten(1) @ self.weight


def penalty_of(family: AdversarialFamily, slope: float) -> float:
    plane = Plane(slope)
    family.networks["discriminator"] = plane
    reals, fakes = (torch.rand(4, 1, 28, 28, requires_grad=True) for _ in range(2))
    labels = torch.zeros(4, dtype=torch.int64)
    return family.penalty(reals, fakes, labels, plane(reals, labels), plane(fakes, labels)).item()


def test_penalties_are_those_of_their_papers() -> None:
    assert penalty_of(WganGp(config()), 1) == pytest.approx(0, abs=1e-6)
    assert penalty_of(WganGp(config()), 3) == pytest.approx(10 * (3 - 1) ** 2, rel=1e-4)
    r3gan = R3Gan(config())
    # Half the weight times both squared slopes, in one update of four at four times the weight.
    assert penalty_of(r3gan, 3) == pytest.approx(4 * R3Gan.weight / 2 * (9 + 9), rel=1e-4)
    r3gan.done += 1
    assert penalty_of(r3gan, 3) == 0


def test_sampling_by_pixel_agrees_with_the_whole_network() -> None:
    """Each pixel is the level at which the cumulative probability reaches its draw."""
    torch.manual_seed(0)
    network = PixelNetwork(8)
    draws, chosen = torch.rand(4, 28, 28), torch.arange(4)
    temperatures = torch.tensor([0.5, 0.8, 1, 1])
    with torch.no_grad():
        pictures = network.sample(draws, chosen, temperatures)
        logits = network(pictures[:, None], chosen) / temperatures[:, None, None, None]
        shares = torch.softmax(logits, 1).cumsum(1)
    levels = torch.round(pictures * (LEVELS - 1)).long()
    reached = shares.gather(1, levels[:, None])[:, 0]
    below = shares.gather(1, (levels - 1).clamp(min=0)[:, None])[:, 0] * (levels > 0)
    assert bool((reached >= draws - 1e-5).all())
    assert bool((below <= draws + 1e-5).all())


def test_a_mixture_finds_the_groups_it_was_made_of() -> None:
    random = np.random.default_rng(0)
    groups = [random.normal(center, spread, (2000, 2)) for center, spread in (((0, 0), 1), ((8, 0), 0.3))]
    mixture = Mixture.fit(torch.from_numpy(np.concatenate(groups)), 2, seed=0)
    order = mixture.centers[:, 0].argsort()
    assert torch.allclose(mixture.centers[order], torch.tensor([[0.0, 0], [8, 0]]).double(), atol=0.1)
    assert torch.allclose(mixture.roots[order][:, 0, 0], torch.tensor([1.0, 0.3]).double(), rtol=0.1)
    samples = mixture.sample(np.random.default_rng(1), 4000)
    assert (samples[:, 0] > 4).double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_a_reconstruction_keeps_the_digit_at_time_1_and_nothing_at_time_0(digits: Digits) -> None:
    flow = Flow(config())
    images, labels = digits.images[:6].numpy(), digits.labels[:6].numpy()
    # Almost black becomes black, as in samples.
    assert np.abs(flow.reconstruct(images, labels, 1, 0) - images.astype(int)).max() <= 6
    assert np.array_equal(
        flow.reconstruct(images, labels, 0, 3), flow.reconstruct(images[::-1].copy(), labels, 0, 3)
    )
    half = [flow.reconstruct(images, labels, 0.5, seed) for seed in (0, 0, 1)]
    assert np.array_equal(half[0], half[1])
    assert not np.array_equal(half[0], half[2])
