"""The detector: shapes, export, objective; that it learns, and that it resumes where it stopped."""

import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from export.convert import to_onnx
from train.checkpoint import load_snapshot, save_snapshot
from train.config import DetectorConfig
from train.data.mnist import Digits, load
from train.data.targets import decoded, fake_targets, other_targets, real_targets
from train.detector.learner import ClassWeights, DetectorLearner, cyclic_rate, detector_loss
from train.detector.model import Detector, scores_of
from train.evaluation.metrics import auroc

CPU = torch.device("cpu")
WIDTHS = (8, 16, 24)


def toy_classes(dataset: str, count: int) -> Digits:
    """Reals as they are, as many 'fakes' with their ink hollowed out, half as many pictures of noise."""
    digits = load(dataset, "train")
    images, labels = digits.images[:count], digits.labels[:count]
    hollow = torch.where(images > 127, 255 - images, images)
    noise = torch.randint(0, 256, (count // 2, 28, 28), generator=torch.Generator().manual_seed(0))
    return Digits(
        torch.cat([images, hollow, noise.to(torch.uint8)]),
        torch.cat([real_targets(labels), fake_targets(labels), other_targets(count // 2)]),
    )


def learner_of(digits: Digits, total: int, seed: int = 0, precision: str = "float32") -> DetectorLearner:
    return DetectorLearner(total, seed, ClassWeights.of(digits.labels), CPU, WIDTHS, precision)


def test_the_default_detector_is_small_and_has_three_heads() -> None:
    detector = Detector(DetectorConfig().widths)
    assert sum(weights.numel() for weights in detector.parameters()) <= 400_000
    fake_logit, digit_logits, domain_logit = detector(torch.rand(3, 1, 28, 28))
    assert (fake_logit.shape, digit_logits.shape, domain_logit.shape) == ((3,), (3, 10), (3,))


def test_a_step_teaches_all_three_heads(dataset: str) -> None:
    digits = toy_classes(dataset, 300)
    learner = learner_of(digits, 60)
    stream = torch.Generator().manual_seed(0)
    first = learner.step(digits.images[::5], digits.labels[::5])
    assert first[0] == pytest.approx(math.log(2), abs=0.4)
    for _ in range(59):
        chosen = torch.randint(len(digits.images), (64,), generator=stream)
        last = learner.step(digits.images[chosen], digits.labels[chosen])
    assert last.shape == (len(DetectorLearner.watched),)
    assert (last[:3] < first[:3]).all()

    logits, beliefs, in_domain = scores_of(learner.deployed, digits.images.numpy())
    assert auroc(logits[:300], logits[300:600]) > 0.95
    assert (beliefs.argmax(1)[:300] == digits.labels[:300].numpy()).mean() > 0.25
    assert auroc(in_domain[600:], in_domain[:600]) > 0.99


def test_scores_do_not_depend_on_their_batch_and_blank_is_no_digit(dataset: str) -> None:
    images = load(dataset, "train").images[:600].numpy().copy()
    images[0] = 0
    detector = Detector(WIDTHS)
    logits, beliefs, in_domain = scores_of(detector, images)
    assert {logits.dtype, beliefs.dtype, in_domain.dtype} == {np.dtype(np.float32)}
    assert np.allclose(beliefs.sum(1), 1, atol=1e-5)
    assert in_domain[0] == 0
    assert (in_domain[1:] > 0).all()
    alone = scores_of(detector, images[599:])
    assert all(
        np.allclose(one[0], all_of_them[599], atol=1e-5)
        for one, all_of_them in zip(alone, (logits, beliefs, in_domain), strict=True)
    )


def test_the_objective_counts_classes_alike_and_leaves_others_out() -> None:
    codes = torch.cat(
        [real_targets(torch.tensor([3])), fake_targets(torch.tensor([3, 4, 5])), other_targets(4)]
    )
    balance = ClassWeights.of(codes)
    assert balance == ClassWeights(1 / 8, 3 / 8, 1 / 2)
    sure_of_fake = torch.tensor([10.0] * 4 + [-99.0] * 4)
    outputs = (sure_of_fake, torch.zeros(8, 10), torch.zeros(8))
    fake, _, domain = detector_loss(outputs, decoded(codes), balance).tolist()
    # The one real is wrong by 10 nats and is half of the question; others answer whatever they like.
    assert fake == pytest.approx(5, abs=1e-3)
    assert domain == pytest.approx(math.log(2) / 4)


def test_a_batch_of_one_class_has_a_finite_loss(dataset: str) -> None:
    digits = toy_classes(dataset, 20)
    learner = learner_of(digits, 1)
    assert learner.step(digits.images[:20], digits.labels[:20]).isfinite().all()
    nothing_else = DetectorLearner(1, 0, ClassWeights(0.5, 0.5, 0), CPU, WIDTHS)
    assert nothing_else.step(digits.images[:40], digits.labels[:40]).isfinite().all()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_restored_learner_goes_on_bit_for_bit(dataset: str, tmp_path: Path, precision: str) -> None:
    digits = toy_classes(dataset, 32)
    order = torch.randperm(80, generator=torch.Generator().manual_seed(0)).split(20)
    straight = learner_of(digits, 4, 0, precision)
    for chosen in order[:2]:
        straight.step(digits.images[chosen], digits.labels[chosen])
    save_snapshot(tmp_path / "snapshot", straight.state(), {})
    expected = [straight.step(digits.images[chosen], digits.labels[chosen]) for chosen in order[2:]]

    resumed = learner_of(digits, 4, 1, precision)
    resumed.restore(load_snapshot(tmp_path / "snapshot")[0])
    found = [resumed.step(digits.images[chosen], digits.labels[chosen]) for chosen in order[2:]]
    assert torch.equal(torch.stack(found), torch.stack(expected))
    assert all(torch.equal(tensor, straight.state()[name]) for name, tensor in resumed.state().items())


def test_the_exported_detector_agrees_with_it() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        detector = Detector(WIDTHS)
        # Statistics of BatchNorm that are not those it starts with.
        detector(torch.rand(64, 1, 28, 28))
    outputs = ("logit", "digit_logits", "domain_logit")
    content = to_onnx(detector, {"pictures": torch.zeros(2, 1, 28, 28)}, outputs, {"name": "detector"})
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        pictures = torch.rand(batch, 1, 28, 28, generator=torch.Generator().manual_seed(batch))
        with torch.no_grad():
            expected = detector(pictures)
        found = session.run(list(outputs), {"pictures": pictures.numpy()})
        for one, other in zip(found, expected, strict=True):
            assert np.abs(one - other.numpy()).max() < 1e-4


def test_the_learning_rate_falls_in_cycles_each_from_half_the_peak() -> None:
    rates = np.array([cyclic_rate(done, 200, 2) for done in range(200)])
    first, second = rates[:100], rates[100:]
    assert np.allclose(second, first / 2)
    assert first.argmax() < 50
    assert first[-1] < first.max() / 20
