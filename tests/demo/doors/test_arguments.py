"""A tool's arguments: what does not fit is said in one short sentence."""

from typing import Any

import pytest

from demo.api import schema
from demo.doors.arguments import LONGEST_SAID, check_arguments, shortened
from demo.errors import RequestError

CUT = "x" * 40 + "…"
LISTED = {
    "type": "object",
    "properties": {"words": schema.listed({"type": "string"}, "words") | {"maxItems": 100}},
    "required": ["words"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("words", [[], ["one"] * 100, ["long" * 100_000]])
def test_what_fits_is_let_through(words: list[str]) -> None:
    check_arguments({"words": words}, LISTED)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "'words' is a required property."),
        ({"words": [7]}, "words: 7 is not of type 'string'."),
        ({"words": ["one"] * 101}, "words does not fit its schema (maxItems: 100)."),
        ({"words": [["one"] * 101]}, "words does not fit its schema (type: string)."),
        (
            {"words": 9, "x" * 300: 1},
            f"Additional properties are not allowed ('{CUT}' was unexpected).",
        ),
    ],
)
def test_what_does_not_is_told_briefly(arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(RequestError) as refusal:
        check_arguments(arguments, LISTED)
    assert str(refusal.value) == reason


def test_a_long_text_is_cut() -> None:
    assert shortened("x" * LONGEST_SAID) == "x" * LONGEST_SAID
    assert len(shortened("x" * (LONGEST_SAID + 1))) < LONGEST_SAID


def test_where_there_is_no_generator_none_can_be_named() -> None:
    for generators, others in ((["one"], [{"type": "string", "enum": ["one"]}]), ([], [])):
        model = schema.generate_arguments(generators)["model"]
        assert model["anyOf"] == [*others, {"type": "null"}]
