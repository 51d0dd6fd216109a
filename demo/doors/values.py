"""JSON from strangers → values of bounded number, depth and size."""

import json
import math
from typing import Any, Final

from demo.errors import BodyError

MOST_VALUES: Final = 100_000
"""In one body, about: each takes up to a hundred bytes of memory, and some time wherever they are gone
through."""
DEEPEST: Final = 32
LARGEST_NUMBER: Final = 2**53
"""Beyond it a whole number is not the same for everyone who reads JSON."""

BROKEN: Final = "The body is no JSON; send a JSON object."
NUMBERS: Final = "A number in the body is too large, or none; send numbers between -2^53 and 2^53."
TOO_DEEP: Final = f"The body is nested deeper than {DEEPEST}; send plain values."
TOO_MANY: Final = f"The body holds more than {MOST_VALUES:,} values; send less at once."
NO_TEXT: Final = "A text in the body holds what is no character; send plain Unicode."


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, in UTF-8.

    Raises:
        BodyError: it is none, or holds too many or too deep values, NaN or infinity, a number beyond ±2^53,
            or half a surrogate pair.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise BodyError(413, TOO_MANY)
    try:
        value = json.loads(
            body.decode(), parse_constant=_refuse_constant, parse_float=_number, parse_int=_whole_number
        )
    except RecursionError as error:
        raise BodyError(400, TOO_DEEP) from error
    except ValueError as error:
        raise BodyError(400, BROKEN) from error
    if not isinstance(value, dict):
        raise BodyError(400, BROKEN)
    _check(value)
    return value


def _refuse_constant(_: str) -> None:
    raise BodyError(400, NUMBERS)


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BodyError(400, NUMBERS)
    return number


def _whole_number(text: str) -> int:
    # Python itself refuses to read a number of many thousand digits.
    if len(text) > 17 or abs(number := int(text)) > LARGEST_NUMBER:
        raise BodyError(400, NUMBERS)
    return number


def _check(value: object) -> None:
    level = [value]
    for _ in range(DEEPEST):
        below: list[object] = []
        for each in level:
            if isinstance(each, dict):
                below += each
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str) and not each.isascii():
                _check_text(each)
        if not below:
            return
        level = below
    raise BodyError(400, TOO_DEEP)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BodyError(400, NO_TEXT) from error
