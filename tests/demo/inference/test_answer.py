"""The answer: every field from the model's outputs, and the verdict in the contract's order."""

import numpy as np
import pytest

from demo.contract import REASONS
from demo.decoder.images import encode_png
from demo.inference.answer import Answer, Thresholds
from demo.inference.check import Checked, answer_all, check_bytes
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed
from tests.support.detectors import tiny_groups


def test_the_verdict_tests_the_domain_first() -> None:
    verdict = Thresholds(fake=0.6, real=0.3, in_domain=0.7).verdict
    assert [verdict(fake, 0.9) for fake in (0.9, 0.6, 0.5, 0.3)] == ["fake", "fake", "unsure", "real"]
    assert verdict(0.9, 0.69) == verdict(0.1, 0.69) == "not a digit"
    assert (verdict(0.1, 0.7), verdict(0.9, None)) == ("real", "fake")


@pytest.mark.parametrize(
    ("verdict", "fake_probability", "leaning"),
    [
        ("unsure", 0.5, "probably generated"),
        ("unsure", 0.49, "probably handwritten"),
        ("fake", 0.9, None),
        ("not a digit", None, None),
    ],
)
def test_only_an_unsure_answer_leans_to_a_side(
    verdict: str, fake_probability: float | None, leaning: str | None
) -> None:
    assert Answer("digit.png", verdict, fake_probability=fake_probability).leaning == leaning


def test_answers_carry_the_digit_and_the_domain(product_engine: Engine) -> None:
    pixels = np.concatenate(list(tiny_groups().values()))
    pictures = [Preprocessed(each, 28, 28, (0, 0, 28, 28), inverted=False) for each in pixels]
    scores = product_engine.score(pixels)
    assert scores.digit_probabilities is not None
    checked = answer_all(product_engine, [str(index) for index in range(len(pixels))], pictures)
    assert len({each.answer.digit for each in checked}) > 3
    for each, row, in_domain in zip(checked, scores.digit_probabilities, scores.in_domain, strict=True):
        assert each.answer.in_domain == float(in_domain)
        assert each.answer.model == "discriminator"
        if each.answer.verdict == "not a digit":
            assert without_score(each)
            assert each.answer.reason == "not handwriting"
            continue
        assert each.answer.reason is None
        assert each.digit_probabilities == tuple(row.tolist())
        assert each.answer.digit == int(row.argmax())
        assert type(each.answer.digit) is int
        assert each.answer.digit_probability == float(row.max())


@pytest.mark.parametrize("reason", REASONS[1:])
def test_where_no_single_digit_was_isolated_there_is_a_reason_and_no_score(
    product_engine: Engine, reason: str
) -> None:
    digit = tiny_groups()["real"][0]
    sources = [Preprocessed(digit, 28, 28, (4, 4, 24, 24), False, why) for why in (None, reason)]
    judged, refused = answer_all(product_engine, ["", ""], sources)
    assert judged.answer.verdict != "not a digit"
    assert (refused.answer.verdict, refused.answer.reason) == ("not a digit", reason)
    assert refused.answer.in_domain == 0
    assert without_score(refused)


def test_a_blank_picture_is_blank(product_engine: Engine, tutorial_engine: Engine) -> None:
    for engine in (product_engine, tutorial_engine):
        checked = check_bytes(engine, "white.png", encode_png(np.full((28, 28), 255, np.uint8)))
        assert (checked.answer.verdict, checked.answer.reason) == ("not a digit", "blank")
        assert checked.answer.in_domain == 0
        assert without_score(checked)


def without_score(checked: Checked) -> bool:
    answer = checked.answer
    scores = answer.fake_probability, answer.logit, answer.digit, answer.digit_probability
    return {*scores, checked.digit_probabilities} == {None}
