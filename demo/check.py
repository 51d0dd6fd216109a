"""From pictures to answers: load, normalise, score in one batch. A bad picture costs its own answer alone.

This is the one door: every picture, from a file, a drawing or a generator, passes the normaliser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.answer import Answer
from demo.errors import PictureError
from demo.images import load_picture
from demo.runtime import Engine


@dataclass(frozen=True)
class Checked:
    """An answer, and what the model saw: uint8 [height, width], or None where nothing could be read."""

    answer: Answer
    pixels: NDArray[np.uint8] | None


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
    seen: list[NDArray[np.uint8]] = []
    errors: list[str | None] = []
    for source in sources:
        try:
            array = source if isinstance(source, np.ndarray) else load_picture(source).array
            seen.append(engine.normalize(array))
            errors.append(None)
        except PictureError as error:
            errors.append(str(error))
    judged = iter(judge(engine, seen, [name for name, error in zip(names, errors, strict=True) if not error]))
    return [
        Checked(Answer(file=name, error=error), None) if error else next(judged)
        for name, error in zip(names, errors, strict=True)
    ]


def judge(engine: Engine, pixels: Sequence[NDArray[np.uint8]], names: Sequence[str]) -> list[Checked]:
    """Score normalised pictures, each uint8 [height, width], in one batch."""
    if not pixels:
        return []
    scores = engine.score(np.stack(pixels))
    columns = (scores.fake_probability.tolist(), scores.logit.tolist(), scores.in_domain.tolist())
    return [
        Checked(
            Answer(
                file=name,
                verdict=engine.thresholds.verdict(probability, in_domain),
                fake_probability=probability,
                logit=logit,
                in_domain=in_domain,
                model=engine.model,
                version=engine.version,
                provider=engine.provider,
            ),
            seen,
        )
        for name, seen, probability, logit, in_domain in zip(names, pixels, *columns, strict=True)
    ]
