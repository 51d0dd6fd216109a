"""The answer: every field from the model's outputs, and the verdict in the contract's order."""

import numpy as np
import pytest
from numpy.typing import NDArray

from demo.decoder.images import encode_png
from demo.inference.answer import Thresholds
from demo.inference.check import check_bytes, score
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed
from tests.support.detectors import tiny_groups


def preprocessed(pixels: NDArray[np.uint8]) -> Preprocessed:
    """Pixels, uint8 [28, 28], as though the normalizer had not changed them."""
    height, width = pixels.shape
    return Preprocessed(pixels, height, width, (0, 0, height, width), inverted=False)


@pytest.mark.parametrize(
    ("fake_probability", "in_domain", "verdict"),
    [
        (0.9, 0.9, "fake"),
        (0.6, 0.9, "fake"),
        (0.5, 0.9, "unsure"),
        (0.3, 0.9, "real"),
        (0.1, 0.9, "real"),
        (0.9, 0.69, "not a digit"),
        (0.1, 0.69, "not a digit"),
        (0.1, 0.7, "real"),
        (0.9, None, "fake"),
    ],
)
def test_the_verdict_tests_the_domain_first(
    fake_probability: float, in_domain: float | None, verdict: str
) -> None:
    thresholds = Thresholds(fake=0.6, real=0.3, in_domain=0.7)
    assert thresholds.verdict(fake_probability, in_domain) == verdict


def test_answers_carry_the_digit_and_the_domain(product_engine: Engine) -> None:
    pixels = np.concatenate(list(tiny_groups().values()))
    pictures = [preprocessed(each) for each in pixels]
    scores = product_engine.score(pixels)
    assert scores.digit_probabilities is not None
    scored = score(product_engine, pictures, [str(index) for index in range(len(pixels))])
    answers = [each.answer for each in scored]
    assert [each.digit_probabilities for each in scored] == list(
        map(tuple, scores.digit_probabilities.tolist())
    )
    assert len({answer.digit for answer in answers}) > 2
    for answer, row, in_domain in zip(answers, scores.digit_probabilities, scores.in_domain, strict=True):
        assert answer.digit == int(row.argmax())
        assert type(answer.digit) is int
        assert answer.digit_probability == float(row.max())
        assert answer.in_domain == float(in_domain)
        assert answer.model == "discriminator"


def test_a_picture_that_is_not_a_digit_keeps_its_numbers(product_engine: Engine) -> None:
    answer = check_bytes(product_engine, "white.png", encode_png(np.full((28, 28), 255, np.uint8))).answer
    assert answer.verdict == "not a digit"
    assert answer.in_domain == 0
    assert None not in (answer.fake_probability, answer.logit, answer.digit, answer.digit_probability)
