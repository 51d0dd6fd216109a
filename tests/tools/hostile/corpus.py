"""The files that the battery sends: bombs, whole files of every format, and changes of those, by one seed."""

from dataclasses import dataclass

import numpy as np

from tests.support.pictures import samples_of_every_format
from tests.tools.hostile.archives import archives
from tests.tools.hostile.bombs import bombs
from tests.tools.hostile.mutate import mutate
from tests.tools.hostile.seeds import other_formats

OTHERS_SHARE = 0.15
"""Share of changed files in formats that the app does not take, which are all refused for the same reason."""


@dataclass(frozen=True)
class Corpus:
    """The files to send, by name. zips: for *Many files*, which alone opens them; pictures: for all."""

    pictures: dict[str, bytes]
    zips: dict[str, bytes]


def build(count: int, seed: int) -> Corpus:
    """Return about `count` files: all bombs and whole files, and changed ones; the same for the same seed.

    Except for AVIF with several frames, into which its encoder writes the time of day.
    """
    rng = np.random.default_rng(seed)
    whole, others = samples_of_every_format(), other_formats()
    pictures = {**bombs(), **whole, **others}
    fuel = [*whole.values(), *others.values()]
    zips = archives(rng, max(10, count // 20))
    for index in range(max(0, count - len(pictures) - len(zips))):
        source = others if rng.random() < OTHERS_SHARE else whole
        name = list(source)[rng.integers(len(source))]
        pictures[f"{index:05}-{name}"] = mutate(source[name], rng, fuel)
    return Corpus(pictures, zips)
