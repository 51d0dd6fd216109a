"""From pictures to answers: load, fit, score in one batch. A bad picture costs its own answer alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from demo.answer import Answer
from demo.errors import PictureError
from demo.fit import fit
from demo.images import load_picture
from demo.runtime import Engine


@dataclass(frozen=True)
class Checked:
    """An answer, and what the model saw: uint8 [height, width], or None where nothing could be seen."""

    answer: Answer
    pixels: NDArray[np.uint8] | None


def check_files(engine: Engine, files: Sequence[Path]) -> list[Checked]:
    """Check files by path; the answers come in the same order and carry the paths as given."""
    return check_sources(engine, [str(file) for file in files], list(files))


def check_bytes(engine: Engine, name: str, content: bytes) -> Checked:
    """Check one encoded picture held in memory."""
    return check_sources(engine, [name], [content])[0]


def check_sources(engine: Engine, names: Sequence[str], sources: Sequence[Path | bytes]) -> list[Checked]:
    """Check paths or encoded pictures under the given names, scored in one batch."""
    seen: list[NDArray[np.uint8] | None] = []
    errors: list[str | None] = []
    for source in sources:
        try:
            seen.append(fit(load_picture(source).array, engine.shape))
            errors.append(None)
        except PictureError as error:
            seen.append(None)
            errors.append(str(error))
    readable = [(name, pixels) for name, pixels in zip(names, seen, strict=True) if pixels is not None]
    judged = iter(check_pixels(engine, [pixels for _, pixels in readable], [name for name, _ in readable]))
    return [
        Checked(Answer(file=name, error=error), None) if error is not None else next(judged)
        for name, error in zip(names, errors, strict=True)
    ]


def check_pixels(
    engine: Engine, pictures: Sequence[NDArray[np.uint8]], names: Sequence[str]
) -> list[Checked]:
    """Check pictures that already are what the model sees: each uint8 [height, width]."""
    scores = engine.score(np.stack(pictures) if len(pictures) else np.empty((0, *engine.shape), np.uint8))
    return [
        Checked(
            Answer(
                file=name,
                verdict=engine.thresholds.verdict(probability),
                fake_probability=probability,
                logit=logit,
                model=engine.model,
                version=engine.version,
                provider=engine.provider,
            ),
            pixels,
        )
        for name, pixels, probability, logit in zip(
            names, pictures, scores.fake_probability.tolist(), scores.logit.tolist(), strict=True
        )
    ]
