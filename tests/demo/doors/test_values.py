"""JSON from strangers: what is read, and what is refused before it can do harm."""

import json

import pytest

from demo.doors.values import DEEPEST, LARGEST_NUMBER, MOST_VALUES, read_object
from demo.errors import BodyError


def nested(depth: int) -> bytes:
    """An object, with lists in it so that all of them are as deep as that."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"data": [None, True, 1, -2.5, "7", "汉字 😀", {"deep": [[]]}]},
        {"seed": LARGEST_NUMBER, "b": -LARGEST_NUMBER},
    ],
)
def test_plain_values_are_read(value: object) -> None:
    assert read_object(json.dumps(value).encode()) == value
    assert read_object(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"7",
        b"{",
        b"{} {}",
        b"\xff{}",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 9007199254740993}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        nested(DEEPEST + 1),
        nested(100_000 // 3),
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_others_are_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(BodyError, match=r"^[A-Z].*\.$") as refusal:
        read_object(body)
    assert refusal.value.status == 400


def test_the_deepest_is_read() -> None:
    read_object(nested(DEEPEST))


def test_too_many_values_are_refused_before_they_are_made() -> None:
    with pytest.raises(BodyError, match=f"{MOST_VALUES:,}") as refusal:
        read_object(b'{"a": [' + b"[]," * MOST_VALUES + b"[]]}")
    assert refusal.value.status == 413
