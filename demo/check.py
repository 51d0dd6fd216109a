"""From pictures to answers: load, normalise, score in one batch. A bad picture costs its own answer alone.

This is the one door: every picture, from a file, a drawing or a generator, passes the normaliser.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.answer import Answer
from demo.errors import PictureError
from demo.images import Picture, load_picture
from demo.runtime import Engine
from demo.seen import Seen

DECODERS = 4
"""Pictures decoded at once: as many as there are workers."""


@dataclass(frozen=True)
class Checked:
    """An answer, and what stands behind it.

    seen: what the model saw, and what was done to the picture; None where nothing could be read.
    note: what a person should know of how the file was read, or None.
    """

    answer: Answer
    seen: Seen | None
    note: str | None = None

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """What the model saw, uint8 [height, width], or None where nothing could be read."""
        return None if self.seen is None else self.seen.pixels


def check_files(engine: Engine, files: Sequence[Path]) -> list[Checked]:
    """Check files by path; the answers come in the same order and carry the paths as given."""
    return check_sources(engine, [str(file) for file in files], files)


def check_bytes(engine: Engine, name: str, content: bytes) -> Checked:
    """Check one encoded picture held in memory."""
    return check_sources(engine, [name], [content])[0]


def check_sources(
    engine: Engine, names: Sequence[str], sources: Sequence[Path | bytes | NDArray[np.uint8]]
) -> list[Checked]:
    """Check paths, encoded pictures, or pictures uint8 [height, width, channels], in one batch."""
    with ThreadPoolExecutor(DECODERS) as threads:
        loaded = list(threads.map(partial(see, engine), sources))
    readable = [(name, each) for name, each in zip(names, loaded, strict=True) if isinstance(each, tuple)]
    answers = iter(judge(engine, [seen.pixels for _, (seen, _) in readable], [name for name, _ in readable]))
    return [
        Checked(next(answers), *each)
        if isinstance(each, tuple)
        else Checked(Answer(file=name, error=str(each)), None)
        for name, each in zip(names, loaded, strict=True)
    ]


def see(engine: Engine, source: Path | bytes | NDArray[np.uint8]) -> tuple[Seen, str | None] | PictureError:
    """What the model sees of one picture, and the note on how it was read; or why it cannot be read."""
    try:
        picture = Picture(source, None) if isinstance(source, np.ndarray) else load_picture(source)
    except PictureError as error:
        return error
    return engine.look(picture.array), picture.note


def judge(engine: Engine, pixels: Sequence[NDArray[np.uint8]], names: Sequence[str]) -> list[Answer]:
    """Score normalised pictures, each uint8 [height, width], in one batch."""
    if not pixels:
        return []
    scores = engine.score(np.stack(pixels))
    columns = (scores.fake_probability.tolist(), scores.logit.tolist(), scores.in_domain.tolist())
    readings = digits_read(scores.digit_probabilities, len(pixels))
    return [
        Answer(
            file=name,
            verdict=engine.thresholds.verdict(probability, in_domain),
            fake_probability=probability,
            logit=logit,
            digit=digit,
            digit_probability=digit_probability,
            in_domain=in_domain,
            model=engine.model,
            version=engine.version,
            provider=engine.provider,
        )
        for name, probability, logit, in_domain, (digit, digit_probability) in zip(
            names, *columns, readings, strict=True
        )
    ]


def digits_read(
    probabilities: NDArray[np.float32] | None, count: int
) -> list[tuple[int, float] | tuple[None, None]]:
    """The likeliest digit of each of `count` pictures and its probability; None of a model without them.

    probabilities: float32 [count, 10].
    """
    if probabilities is None:
        return [(None, None)] * count
    return list(zip(probabilities.argmax(1).tolist(), probabilities.max(1).tolist(), strict=True))
