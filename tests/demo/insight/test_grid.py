"""The parameters of a grid, from a link and back."""

from urllib.parse import parse_qsl

import pytest

from demo.inference.engine import LARGEST_SEED, Engine
from demo.insight.grid import GenerateParams, InvalidArgument, digit_file, read_params


@pytest.mark.parametrize(
    "params",
    [
        GenerateParams("generator"),
        GenerateParams("generator", 0, 7, 64, 63),
        GenerateParams("mlp_generator", None, LARGEST_SEED, 1),
    ],
    ids=str,
)
def test_a_link_holds_all_parameters(engine: Engine, params: GenerateParams) -> None:
    assert read_params(engine, dict(parse_qsl(params.digit_query))) == (params, [])


def test_links_keep_their_format() -> None:
    params = GenerateParams("generator", 3, 7, 16, 2)
    assert params.grid_query == "view=generate&generator=generator&digit=3&seed=7&count=16"
    assert params.digit_query == f"{params.grid_query}&index=2"


def test_missing_and_empty_arguments_take_their_defaults(engine: Engine) -> None:
    assert read_params(engine, {}) == (GenerateParams("generator"), [])
    fields = {"generator": "mlp_generator", "digit": "", "seed": None, "count": 3, "index": " "}
    assert read_params(engine, fields) == (GenerateParams("mlp_generator", count=3), [])


@pytest.mark.parametrize(
    ("name", "given", "used"),
    [
        ("generator", "nobody", "generator"),
        *(("digit", given, "") for given in ("10", "three")),
        *(("seed", given, "0") for given in ("-1", "1.5", str(LARGEST_SEED + 1), "9" * 5000, "²")),
        *(("count", given, "16") for given in ("0", "65")),
        ("index", "16", "0"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_invalid_arguments_are_listed_and_take_their_defaults(
    engine: Engine, name: str, given: str, used: str
) -> None:
    invalid = [InvalidArgument(name, given, used)]
    assert read_params(engine, {name: given}) == (GenerateParams("generator"), invalid)


def test_a_digit_that_the_generator_cannot_choose_is_listed(engine: Engine) -> None:
    params, invalid = read_params(engine, {"generator": "mlp_generator", "digit": "3"})
    assert params == GenerateParams("mlp_generator")
    assert invalid == [InvalidArgument("choice", "3", "mlp_generator")]


def test_a_file_name_holds_the_parameters() -> None:
    assert digit_file("generator", None, 7, 4) == "generator-7-4.png"
    assert digit_file("generator", 3, 7, 4) == "generator-digit-3-7-4.png"
