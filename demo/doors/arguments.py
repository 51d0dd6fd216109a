"""The arguments of a tool, compared with its schema: what is wrong is said briefly, however much was sent."""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from demo.errors import RequestError

LONGEST_SAID: Final = 200
"""Characters: the validator repeats what it refuses, be it of megabytes."""
KEPT: Final = 40
MOST_ERRORS: Final = 16
"""Of a hundred thousand wrong values one is told."""


def check_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Raises RequestError, which names the argument and its limit, where arguments do not fit a schema of an
    object. No text of more than `LONGEST_SAID` characters may be one that the schema names.
    """
    errors = Draft202012Validator(schema).iter_errors(_shortened(arguments))
    error = best_match(islice(errors, MOST_ERRORS))
    if error is None:
        return
    name = shortened(str(error.absolute_path[0])) if error.absolute_path else ""
    if len(error.message) <= LONGEST_SAID:
        raise RequestError(f"{name}: {error.message}." if name else f"{error.message}.")
    whose = f"{name} does not fit its" if name else "The arguments do not fit their"
    raise RequestError(f"{whose} schema ({error.validator}: {shortened(str(error.validator_value))}).")


def shortened(text: str) -> str:
    """A text as it is, or the beginning of one that is too long to be repeated."""
    return text if len(text) <= LONGEST_SAID else f"{text[:KEPT]}…"


def _shortened(value: Any) -> Any:
    """A copy in which no text is long: a schema of ours asks only which type it has."""
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if isinstance(value, Mapping):
        return {shortened(name): _shortened(each) for name, each in value.items()}
    return value
