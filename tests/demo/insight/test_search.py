"""The latent search: the score falls, the steps repeat, and the saved picture scores the same."""

import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from demo.decoder.images import encode_png
from demo.inference.answer import Answer
from demo.inference.check import Checked, check_bytes
from demo.inference.engine import Engine
from demo.insight.grid import GenerateParams
from demo.insight.search import Found, cost_of, search

FEW = 6
PARAMS = [GenerateParams("generator", 3, 7, 16, 4), GenerateParams("mlp_generator", None, 7, 16, 4)]


@pytest.fixture(scope="module", params=PARAMS, ids=lambda params: params.generator)
def params(request: pytest.FixtureRequest) -> GenerateParams:
    chosen: GenerateParams = request.param
    return chosen


@pytest.fixture(scope="module")
def steps(engine: Engine, params: GenerateParams) -> list[Found]:
    return list(islice(search(engine, params), FEW + 1))


def test_the_search_starts_at_the_digit_of_the_grid_and_its_picture_scores_the_same_once_saved(
    engine: Engine, params: GenerateParams, steps: list[Found]
) -> None:
    digits = engine.generate(params.generator, params.count, params.seed, params.digit)
    assert np.array_equal(steps[0].picture, digits[params.index])
    best = steps[-1]
    file = best.checked.answer.file
    assert check_bytes(engine, file, encode_png(best.picture)).answer == best.checked.answer


def test_the_score_never_rises_and_ends_lower(steps: list[Found]) -> None:
    probabilities = [found.checked.answer.fake_probability or 0 for found in steps]
    assert probabilities == [found.probability for found in steps]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[-1] < probabilities[0]


def test_the_digit_stays_the_same(params: GenerateParams, steps: list[Found]) -> None:
    answers = [found.checked.answer for found in steps]
    assert {answer.digit for answer in answers} == {answers[0].digit}
    assert params.digit in (None, answers[0].digit)
    assert "not a digit" not in {answer.verdict for answer in answers}


def test_the_same_parameters_give_the_same_steps(
    engine: Engine, params: GenerateParams, steps: list[Found]
) -> None:
    again = list(islice(search(engine, params), FEW + 1))
    assert [found.probability for found in again] == [found.probability for found in steps]
    assert np.array_equal(again[-1].picture, steps[-1].picture)
    assert next(search(engine, replace(params, seed=8))).probability != steps[0].probability


def test_a_model_that_reads_no_digits_accepts_any_digit(tutorial_engine: Engine) -> None:
    steps = search(tutorial_engine, GenerateParams("mlp_generator", None, 7, 1))
    first, *_, best = (found.probability or 0 for found in islice(steps, FEW + 1))
    assert 0 < best < first


def test_a_non_digit_or_another_digit_never_counts_as_better() -> None:
    answer = Answer("3.png", "real", None, 0.1, -2.0, 3, 0.9, 0.9, "model", "1", "provider")
    assert cost_of(Checked(answer, None), 3) == cost_of(Checked(answer, None), None) == -2.0
    assert cost_of(Checked(answer, None), 8) == math.inf
    assert cost_of(Checked(replace(answer, logit=None), None), 3) == math.inf
