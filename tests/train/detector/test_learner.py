"""The detector: its outputs, its loss, that it learns, and that it resumes exactly."""

import math

import numpy as np
import pytest
import torch

from train.data.mnist import Digits, load
from train.data.targets import FAKE, NON_DIGIT, decode, fake_targets, non_digit_targets
from train.detector.learner import ClassWeights, DetectorLearner, consistency_loss, detector_loss
from train.detector.model import Detector, scores_of
from train.evaluation.metrics import auroc

CPU = torch.device("cpu")
WIDTHS = (8, 16, 24)


def toy_classes(dataset: str, count: int) -> Digits:
    """Real digits, as many 'fakes' with hollow ink, and half as many pictures of noise."""
    digits = load(dataset, "train").first(count)
    hollow = torch.where(digits.images > 127, 255 - digits.images, digits.images)
    noise = torch.randint(0, 256, (count // 2, 28, 28), generator=torch.Generator().manual_seed(0))
    return Digits(
        torch.cat([digits.images, hollow, noise.to(torch.uint8)]),
        torch.cat([digits.labels, fake_targets(digits.labels), non_digit_targets(count // 2)]),
    )


def learner_of(digits: Digits, total: int, seed: int = 0) -> DetectorLearner:
    return DetectorLearner(total, seed, ClassWeights.of(digits.labels), CPU, WIDTHS)


def test_all_three_heads_learn(few_digits: str) -> None:
    digits = toy_classes(few_digits, 300)
    learner = learner_of(digits, 60)
    stream = torch.Generator().manual_seed(0)
    first = learner.step(digits.images[::5], digits.labels[::5])
    assert first[0] == pytest.approx(math.log(2), abs=0.4)
    for _ in range(59):
        chosen = torch.randint(len(digits.images), (64,), generator=stream)
        last = learner.step(digits.images[chosen], digits.labels[chosen])
    assert last.shape == (len(DetectorLearner.watched),)
    assert (last[:3] < first[:3]).all()

    logits, probabilities, in_domain = scores_of(learner.deployed, digits.images.numpy())
    assert auroc(logits[:300], logits[300:600]) > 0.95
    assert (probabilities.argmax(1)[:300] == digits.labels[:300].numpy()).mean() > 0.25
    assert auroc(in_domain[600:], in_domain[:600]) > 0.99


def test_scores_do_not_depend_on_the_batch_and_blank_is_no_digit(few_digits: str) -> None:
    images = load(few_digits, "train").images[:600].numpy().copy()
    images[0] = 0
    detector = Detector(WIDTHS)
    scores = scores_of(detector, images)
    _, probabilities, in_domain = scores
    assert {each.dtype for each in scores} == {np.dtype(np.float32)}
    assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
    assert in_domain[0] == 0
    assert (in_domain[1:] > 0).all()
    alone = scores_of(detector, images[599:])
    assert all(np.allclose(one[0], each[599], atol=1e-5) for one, each in zip(alone, scores, strict=True))


def test_the_loss_balances_classes_and_ignores_non_digits() -> None:
    codes = torch.cat([torch.tensor([3]), fake_targets(torch.tensor([3, 4, 5])), non_digit_targets(4)])
    shares = ClassWeights.of(codes)
    assert shares == ClassWeights(1 / 8, 3 / 8, 1 / 2)
    sure_of_fake = torch.tensor([10.0] * 4 + [-99.0] * 4)
    outputs = (sure_of_fake, torch.zeros(8, 10), torch.zeros(8))
    fake, _, domain = detector_loss(outputs, decode(codes), shares).tolist()
    # The only real is wrong by 10 nats and has half the weight; non-digits have none.
    assert fake == pytest.approx(5, abs=1e-3)
    assert domain == pytest.approx(math.log(2) / 4)


def test_copies_that_are_judged_differently_cost_their_symmetric_divergence() -> None:
    # A real digit, a fake and a non-digit; a fake of which there is one copy; the three again.
    codes = torch.tensor([3, FAKE + 3, NON_DIGIT, FAKE + 4, 3, FAKE + 3, NON_DIGIT])
    odds = torch.tensor([1.0, 4.0, 9.0, 5.0, 3.0, 4.0, 0.2])
    shares = ClassWeights(real=0.25, fake=0.5, non_digit=0.25)
    found = consistency_loss(odds.log(), 3, decode(codes), shares)
    # P(fake | x) of the real is 1/2 and 3/4; half the weight of reals is 1 / (2 * 0.25).
    one, other = (0.5, 0.5), (0.75, 0.25)
    divergence = sum((p - q) * math.log(p / q) for p, q in zip(one, other, strict=True))
    assert found.item() == pytest.approx(2 * divergence / 3, rel=1e-5)
    assert consistency_loss(odds.log(), 0, decode(codes), shares) == 0

    learner = DetectorLearner(10, 0, shares, CPU, WIDTHS)
    images = torch.zeros(4, 28, 28, dtype=torch.uint8)
    images[0, 8:20, 8:20] = 200
    images[3, 8:20, 10:18] = 90
    values = dict(
        zip(learner.watched, learner.step(images, torch.tensor([3, 4, 5, 3]), 1).tolist(), strict=True)
    )
    assert values["consistency_loss"] > 0
