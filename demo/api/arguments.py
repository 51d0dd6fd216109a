"""Types of arguments: pydantic checks calls against them and derives their JSON schemas."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, StrictInt, ValidationError

from demo.contract import DIGITS
from demo.inference.engine import LARGEST_COUNT, LARGEST_SEED


def whole(value: object) -> object:
    """Return 3.0 as 3, and any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Digit = Annotated[StrictInt, Field(ge=0, le=DIGITS - 1), BeforeValidator(whole)]
Count = Annotated[StrictInt, Field(ge=1, le=LARGEST_COUNT), BeforeValidator(whole)]
Seed = Annotated[StrictInt, Field(ge=0, le=LARGEST_SEED), BeforeValidator(whole)]

GENERATE_DEFAULTS: Final = {"digit": None, "count": 1, "seed": 0, "model": None}


def generate_types(generators: Sequence[str]) -> dict[str, Any]:
    """Return the types of the arguments of `generate`. generators: the names of the installed ones."""
    name: Any = Literal[*generators] | None if generators else None
    return {
        "digit": Annotated[Digit | None, Field(description="the digit to make, 0 to 9, or null for any")],
        "count": Annotated[Count, Field(description=f"how many digits, from 1 to {LARGEST_COUNT}")],
        "seed": Annotated[Seed, Field(description="a whole number from 0")],
        "model": Annotated[name, Field(description="the generator's name, or null")],
    }


def first_problem(error: ValidationError) -> str:
    """Return the first thing that is wrong, in one sentence that does not repeat the value."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(each)[:40] for each in problem["loc"][:2])
    return f"Correct {place}: {problem['msg']}."
