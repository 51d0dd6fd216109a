"""Distilling: the objective, a learner that goes on where it stopped, and both forms of the detector."""

from pathlib import Path

import pytest
import torch

from train.checkpoint import load_snapshot, save_snapshot
from train.config import DistilConfig
from train.data.mnist import load
from train.data.targets import decoded, fake_targets, other_targets, real_targets
from train.detector.learner import ClassWeights
from train.detector.model import Detector
from train.distil import Distiller, check_teacher, distillation_loss, said_of
from train.errors import RunError

CONFIG = DistilConfig(
    preset="smoke", epochs=1, batch_size=16, fine=0, middle=8, coarse=8, precision="float32"
)


@pytest.fixture(scope="module")
def images(dataset: str) -> torch.Tensor:
    return load(dataset, "train").images[:96]


def codes(images: torch.Tensor) -> torch.Tensor:
    digits = torch.arange(len(images)) % 10
    third = len(images) // 3
    return torch.cat(
        [real_targets(digits[:third]), fake_targets(digits[third : 2 * third]), other_targets(third)]
    )


def teacher_of(seed: int) -> Detector:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Detector((8, 8, 8)).eval()


def test_what_a_teacher_says_is_its_outputs_side_by_side(images: torch.Tensor) -> None:
    teacher = teacher_of(0)
    said = said_of(teacher, images)
    with torch.no_grad():
        fake, digits, domain = teacher(images[:, None].float() / 255)
    assert said.shape == (96, 12)
    assert torch.allclose(said, torch.cat([fake[:, None], digits, domain[:, None]], 1), atol=1e-5)


def test_nothing_says_it_better_than_the_teacher_itself(images: torch.Tensor) -> None:
    targets, balance = decoded(codes(images)), ClassWeights.of(codes(images))
    taught = said_of(teacher_of(0), images)
    own = distillation_loss((taught[:, 0], taught[:, 1:-1], taught[:, -1]), taught, targets, balance)
    for change in (0.5, -0.5):
        apart = (taught[:, 0] + change, taught[:, 1:-1] * (1 + change), taught[:, -1] + change)
        assert (distillation_loss(apart, taught, targets, balance) > own).all()


def test_a_smaller_detector_comes_to_say_what_its_teacher_says(images: torch.Tensor) -> None:
    # Confident, so that there is something to learn.
    taught = 8 * said_of(teacher_of(1), images)
    taught -= taught.mean(0)
    digits = torch.zeros(len(images), dtype=torch.int64)
    agreed = torch.where(taught[:, 0] > 0, fake_targets(digits), real_targets(digits))
    learner = Distiller(CONFIG, agreed, taught)
    places = torch.arange(len(images))
    learner.total = 60
    first, *_, last = (learner.step(images, places) for _ in range(60))
    assert last[0] < first[0]
    learner.detector.eval()
    agreeing = (said_of(learner.detector, images)[:, 0] > 0) == (taught[:, 0] > 0)
    assert agreeing.float().mean() > 0.7


def test_a_restored_distiller_goes_on_bit_for_bit(images: torch.Tensor, tmp_path: Path) -> None:
    taught = said_of(teacher_of(0), images)
    places = torch.arange(len(images)).split(16)
    straight = Distiller(CONFIG, codes(images), taught)
    for part in places[:2]:
        straight.step(images[part], part)
    save_snapshot(tmp_path / "snapshot", straight.state(), {})
    expected = [straight.step(images[part], part) for part in places[2:]]
    resumed = Distiller(CONFIG, codes(images), taught)
    resumed.restore(load_snapshot(tmp_path / "snapshot")[0])
    found = [resumed.step(images[part], part) for part in places[2:]]
    assert torch.equal(torch.stack(found), torch.stack(expected))


def test_without_a_fine_layer_four_pixels_are_channels_of_one() -> None:
    detector = Detector((0, 8, 8))
    assert isinstance(detector.trunk[0], torch.nn.PixelUnshuffle)
    shapes = [output.shape for output in detector(torch.rand(3, 1, 28, 28))]
    assert shapes == [(3,), (3, 10), (3,)]


def test_a_teacher_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no whole run"):
        check_teacher(DistilConfig(teacher=str(tmp_path / "nothing")))
