"""The recipe of a wall, from a link and back."""

from urllib.parse import parse_qsl

import pytest

from demo.inference.engine import LARGEST_SEED, Engine
from demo.insight.grid import Mistake, Recipe, digit_file, read_recipe


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe("generator"),
        Recipe("generator", 0, 7, 64, 63),
        Recipe("mlp_generator", None, LARGEST_SEED, 1),
    ],
    ids=str,
)
def test_a_link_says_all_that_the_recipe_says(engine: Engine, recipe: Recipe) -> None:
    assert read_recipe(engine, dict(parse_qsl(recipe.digit_query))) == (recipe, [])
    assert recipe.digit_query == f"{recipe.wall_query}&index={recipe.index}"


def test_a_link_looks_as_it_is_told_to_people() -> None:
    query = Recipe("generator", 3, 7, 16).wall_query
    assert query == "view=generate&generator=generator&digit=3&seed=7&count=16"


def test_what_is_missing_or_empty_takes_its_default(engine: Engine) -> None:
    assert read_recipe(engine, {}) == (Recipe("generator"), [])
    fields = {"generator": "mlp_generator", "digit": "", "seed": None, "count": 3, "index": " "}
    assert read_recipe(engine, fields) == (Recipe("mlp_generator", count=3), [])


@pytest.mark.parametrize(
    ("asked", "mistake"),
    [
        ({"generator": "nobody"}, Mistake("generator", "nobody", "generator")),
        ({"digit": "10"}, Mistake("digit", "10", "")),
        ({"digit": "three"}, Mistake("digit", "three", "")),
        ({"seed": "-1"}, Mistake("seed", "-1", "0")),
        ({"seed": "1.5"}, Mistake("seed", "1.5", "0")),
        ({"seed": str(LARGEST_SEED + 1)}, Mistake("seed", str(LARGEST_SEED + 1), "0")),
        ({"seed": "9" * 5000}, Mistake("seed", "9" * 5000, "0")),
        ({"seed": "²"}, Mistake("seed", "²", "0")),
        ({"count": "0"}, Mistake("count", "0", "16")),
        ({"count": "65"}, Mistake("count", "65", "16")),
        ({"index": "16"}, Mistake("index", "16", "0")),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_followed_takes_its_default_and_is_said(
    engine: Engine, asked: dict[str, object], mistake: Mistake
) -> None:
    assert read_recipe(engine, asked) == (Recipe("generator"), [mistake])


def test_a_digit_that_the_generator_cannot_choose_is_said(engine: Engine) -> None:
    recipe, mistakes = read_recipe(engine, {"generator": "mlp_generator", "digit": "3"})
    assert recipe == Recipe("mlp_generator")
    assert mistakes == [Mistake("choice", "3", "mlp_generator")]


def test_the_file_of_a_digit_says_what_it_was_made_of() -> None:
    assert digit_file("generator", None, 7, 4) == "generator-7-4.png"
    assert digit_file("generator", 3, 7, 4) == "generator-digit-3-7-4.png"
