"""The parameters of a grid of generated digits, and the link that opens exactly that grid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from demo.contract import DIGITS
from demo.inference.engine import LARGEST_SEED, Engine

LARGEST_GRID: Final = 64
"""The most digits the page requests at once."""

DEFAULT_COUNT: Final = 16

DEFAULTS: Final = {"digit": "", "seed": "0", "count": str(DEFAULT_COUNT), "index": "0"}


@dataclass(frozen=True)
class GenerateParams:
    """What to generate, and which digit of the result is selected.

    digit: 0 to 9, or None for any. seed: 0 to `LARGEST_SEED`. count: 1 to `LARGEST_GRID`.
    index: from 0, below count. A link to one digit keeps the count, because digits left open depend on it.
    """

    generator: str
    digit: int | None = None
    seed: int = 0
    count: int = DEFAULT_COUNT
    index: int = 0

    @property
    def grid_query(self) -> str:
        """The URL query that opens the grid."""
        query = {"view": "generate", "generator": self.generator, "digit": self.digit}
        query |= {"seed": self.seed, "count": self.count}
        return urlencode({name: value for name, value in query.items() if value is not None})

    @property
    def digit_query(self) -> str:
        """The URL query that opens the grid with this digit selected."""
        return f"{self.grid_query}&index={self.index}"


@dataclass(frozen=True)
class InvalidArgument:
    """An argument out of range. given: as requested. used: what replaces it, empty for "any digit"."""

    name: str
    given: str
    used: str


def read_params(engine: Engine, query: Mapping[str, object]) -> tuple[GenerateParams, list[InvalidArgument]]:
    """Read the parameters from a link's query or the page's fields, and list the invalid ones.

    Missing, empty and invalid arguments take their defaults. A digit requested from a generator that
    cannot choose digits is listed as `choice`.

    Raises:
        RequestError: no generator is installed.
    """
    invalid: list[InvalidArgument] = []

    def text(name: str) -> str:
        value = query.get(name)
        return "" if value is None else str(value).strip()

    def whole(name: str, least: int, most: int) -> int | None:
        given = text(name)
        if not given:
            return None
        if given.isdecimal() and len(given) <= len(str(LARGEST_SEED)) and least <= int(given) <= most:
            return int(given)
        invalid.append(InvalidArgument(name, given, DEFAULTS[name]))
        return None

    generator = text("generator") or engine.default_generator
    if generator not in engine.generators:
        invalid.append(InvalidArgument("generator", generator, engine.default_generator))
        generator = engine.default_generator
    digit = whole("digit", 0, DIGITS - 1)
    if digit is not None and not engine.chooses_digit(generator):
        invalid.append(InvalidArgument("choice", str(digit), generator))
        digit = None
    count = whole("count", 1, LARGEST_GRID) or DEFAULT_COUNT
    seed = whole("seed", 0, LARGEST_SEED) or 0
    return GenerateParams(generator, digit, seed, count, whole("index", 0, count - 1) or 0), invalid


def digit_file(generator: str, digit: int | None, seed: int, index: int) -> str:
    """Return the file name of a generated digit, which names its parameters."""
    source = generator if digit is None else f"{generator}-digit-{digit}"
    return f"{source}-{seed}-{index}.png"
