"""What a wall of generated digits is made of, and the link that opens that very wall."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from demo.contract import DIGITS
from demo.inference.engine import LARGEST_SEED, Engine

WALL_SIZE: Final = 64
"""The most digits that the page asks for at once."""

FIRST_COUNT: Final = 16

DEFAULTS: Final = {"digit": "", "seed": "0", "count": str(FIRST_COUNT), "index": "0"}


@dataclass(frozen=True)
class Recipe:
    """A generator's arguments, and which of the digits it makes is looked at.

    digit: 0 to 9, or None for any. seed: 0 to `LARGEST_SEED`. count: 1 to `WALL_SIZE`.
    index: from 0, below count. A link to one digit keeps the count, on which digits left open depend.
    """

    generator: str
    digit: int | None = None
    seed: int = 0
    count: int = FIRST_COUNT
    index: int = 0

    @property
    def wall_query(self) -> str:
        """The query of the address that opens the wall."""
        asked = {"view": "generate", "generator": self.generator, "digit": self.digit}
        asked |= {"seed": self.seed, "count": self.count}
        return urlencode({name: value for name, value in asked.items() if value is not None})

    @property
    def digit_query(self) -> str:
        """The query of the address that opens the wall with this digit chosen."""
        return f"{self.wall_query}&index={self.index}"


@dataclass(frozen=True)
class Mistake:
    """An argument that cannot be followed.

    name: of the argument. asked: as given. used: what is instead, empty where that is any digit.
    """

    name: str
    asked: str
    used: str


def read_recipe(engine: Engine, asked: Mapping[str, object]) -> tuple[Recipe, list[Mistake]]:
    """The recipe that a link's query or the page's fields ask for.

    What is missing or empty takes its default; so does what cannot be followed, and the mistake says so.
    A digit that the generator cannot choose is the mistake `choice`.

    Raises:
        RequestError: no generator is installed.
    """
    mistakes: list[Mistake] = []

    def text(name: str) -> str:
        value = asked.get(name)
        return "" if value is None else str(value).strip()

    def whole(name: str, least: int, most: int) -> int | None:
        given = text(name)
        if not given:
            return None
        if given.isdecimal() and len(given) <= len(str(LARGEST_SEED)) and least <= int(given) <= most:
            return int(given)
        mistakes.append(Mistake(name, given, DEFAULTS[name]))
        return None

    generator = text("generator") or engine.default_generator
    if generator not in engine.generators:
        mistakes.append(Mistake("generator", generator, engine.default_generator))
        generator = engine.default_generator
    digit = whole("digit", 0, DIGITS - 1)
    if digit is not None and not engine.chooses_digit(generator):
        mistakes.append(Mistake("choice", str(digit), generator))
        digit = None
    count = whole("count", 1, WALL_SIZE) or FIRST_COUNT
    seed = whole("seed", 0, LARGEST_SEED) or 0
    recipe = Recipe(generator, digit, seed, count, whole("index", 0, count - 1) or 0)
    return recipe, mistakes


def digit_file(generator: str, digit: int | None, seed: int, index: int) -> str:
    """The file name of a generated digit, which says what it was made of."""
    made = generator if digit is None else f"{generator}-digit-{digit}"
    return f"{made}-{seed}-{index}.png"
