"""The search for a more convincing digit: it goes down, it can be repeated, its picture scores the same."""

import math
from dataclasses import replace

import numpy as np
import pytest

from demo.decoder.images import encode_png
from demo.inference.answer import Answer
from demo.inference.check import Checked, check_bytes
from demo.inference.engine import Engine
from demo.insight.grid import Recipe
from demo.insight.search import Found, cost_of, search

FEW = 6
RECIPES = [Recipe("generator", 3, 7, 16, 4), Recipe("mlp_generator", None, 7, 16, 4)]


@pytest.fixture(scope="module", params=RECIPES, ids=lambda recipe: recipe.generator)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    wanted: Recipe = request.param
    return wanted


@pytest.fixture(scope="module")
def steps(engine: Engine, recipe: Recipe) -> list[Found]:
    return list(search(engine, recipe, FEW))


def test_it_starts_with_the_digit_of_the_wall(engine: Engine, recipe: Recipe, steps: list[Found]) -> None:
    made = engine.generate(recipe.generator, recipe.count, recipe.seed, recipe.digit)[recipe.index]
    assert np.array_equal(steps[0].picture, made)
    assert [found.step for found in steps] == list(range(FEW + 1))


def test_the_probability_never_rises_and_ends_lower(steps: list[Found]) -> None:
    probabilities = [each for each in steps[-1].probabilities if each is not None]
    assert len(probabilities) == FEW + 1
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[-1] < probabilities[0]
    for found in steps:
        assert found.probabilities == tuple(probabilities[: found.step + 1])
        assert found.checked.answer.fake_probability == found.probabilities[-1]


def test_it_stays_the_same_digit(recipe: Recipe, steps: list[Found]) -> None:
    answers = [found.checked.answer for found in steps]
    assert {answer.digit for answer in answers} == {answers[0].digit}
    assert recipe.digit in (None, answers[0].digit)
    assert "not a digit" not in {answer.verdict for answer in answers}


def test_the_same_arguments_give_the_same_steps(engine: Engine, recipe: Recipe, steps: list[Found]) -> None:
    again = list(search(engine, recipe, FEW))
    assert [found.probabilities for found in again] == [found.probabilities for found in steps]
    assert np.array_equal(again[-1].picture, steps[-1].picture)
    other = list(search(engine, replace(recipe, seed=8), FEW))
    assert other[-1].probabilities != steps[-1].probabilities


def test_the_saved_picture_scores_the_same(engine: Engine, steps: list[Found]) -> None:
    found = steps[-1]
    answer = check_bytes(engine, found.checked.answer.file, encode_png(found.picture)).answer
    assert answer == found.checked.answer


def test_a_model_that_reads_no_digits_lets_any_digit_count(tutorial_engine: Engine) -> None:
    *_, last = search(tutorial_engine, Recipe("mlp_generator", None, 7, 1), FEW)
    first = last.probabilities[0]
    assert first is not None
    assert last.probabilities[-1] is not None
    assert last.probabilities[-1] < first


def test_what_is_no_digit_or_another_one_never_counts_as_better() -> None:
    answer = Answer("3.png", "real", 0.1, -2.0, 3, 0.9, 0.9, "model", "1", "provider")
    assert cost_of(Checked(answer, None), 3) == cost_of(Checked(answer, None), None) == -2.0
    assert cost_of(Checked(answer, None), 8) == math.inf
    assert cost_of(Checked(replace(answer, verdict="not a digit"), None), 3) == math.inf
