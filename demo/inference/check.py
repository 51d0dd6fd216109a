"""From pictures to answers: load, normalise, score in one batch. A bad picture costs its own answer alone.

This is the one door: every picture, from a file, a drawing or a generator, passes the normaliser.
"""

import dataclasses
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.decoder.images import Picture, load_picture
from demo.errors import DemoError, MachineError, PictureError
from demo.inference.answer import Answer
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed

DECODERS = 4
"""Pictures decoded at once: as many as there are workers at most, so that each finds its next one waiting."""

PICTURES_AT_ONCE = 64
"""Of many, so many make a batch: enough to keep the model busy, few enough to see that it goes on."""

PIXELS_AT_ONCE = 1 << 20
"""Bytes of decoded pictures that wait for the normaliser together."""

NOT_NORMALISED: Final = "The picture could not be prepared for the model; make it smaller and try again."

Source = Path | bytes | NDArray[np.uint8] | PictureError
"""A path, an encoded picture, pixels uint8 [height, width, channels], or why there is no picture."""


Loaded = tuple[Preprocessed, str | None] | PictureError
"""What the model sees of a picture, and the note on how it was read; or why it cannot be read."""


@dataclass(frozen=True, eq=False)
class Checked:
    """An answer, and what stands behind it.

    seen: what the model saw, and what was done to the picture; None where nothing could be read.
    digit_probabilities: P(y | x) of the digits 0 to 9, which sum to 1; None of a model without them.
    note: what a person should know of how the file was read, or None.
    by_fault: whether there is none through a fault that is not the picture's; see `MachineError`.
    """

    answer: Answer
    seen: Preprocessed | None
    digit_probabilities: tuple[float, ...] | None = None
    note: str | None = None
    by_fault: bool = False

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """What the model saw, uint8 [height, width], or None where nothing could be read."""
        return None if self.seen is None else self.seen.pixels


def check_bytes(engine: Engine, name: str, content: bytes) -> Checked:
    """Check one encoded picture held in memory."""
    return check_sources(engine, [name], [content])[0]


def check_sources(engine: Engine, names: Sequence[str], sources: Sequence[Source]) -> list[Checked]:
    """Check pictures from wherever they come, in one batch."""
    if len(sources) == 1:
        return answer_loaded(engine, names, [see(engine, sources[0])])
    with ThreadPoolExecutor(DECODERS) as threads:
        return answer_loaded(engine, names, list(threads.map(partial(see, engine), sources)))


def answer_loaded(engine: Engine, names: Sequence[str], loaded: Sequence[Loaded]) -> list[Checked]:
    """The answers for what `see` gave, in one batch."""
    readable = [(name, each) for name, each in zip(names, loaded, strict=True) if isinstance(each, tuple)]
    judged = iter(judge(engine, [seen for _, (seen, _) in readable], [name for name, _ in readable]))
    return [
        dataclasses.replace(next(judged), note=each[1])
        if isinstance(each, tuple)
        else Checked(Answer(file=name, error=str(each)), None, by_fault=isinstance(each, MachineError))
        for name, each in zip(names, loaded, strict=True)
    ]


def see(engine: Engine, source: Source) -> Loaded:
    """Decode one picture, and have the normaliser see it."""
    return shown(engine, load(source))


def preprocess_many(engine: Engine, sources: Sequence[Source]) -> list[Loaded]:
    """Decode pictures one after another, and have the normaliser see them only then.

    By turns with waiting for a decoder, whatever the processor had at hand for the normaliser is gone each
    time. Of pixels `PIXELS_AT_ONCE` are held, or those of one picture where it has more.
    """
    seen: list[Loaded] = []
    waiting: list[Picture | PictureError] = []
    held = 0
    for source in sources:
        # Not by a name of its own, which would hold a large picture while the next one waits for its room.
        waiting.append(load(source))
        held += bytes_of(waiting[-1])
        if held >= PIXELS_AT_ONCE:
            seen += [shown(engine, each) for each in waiting]
            waiting, held = [], 0
    return seen + [shown(engine, each) for each in waiting]


def bytes_of(picture: Picture | PictureError) -> int:
    """What its pixels take."""
    return picture.array.nbytes if isinstance(picture, Picture) else 0


def load(source: Source) -> Picture | PictureError:
    """A picture from wherever it comes, or why there is none."""
    if isinstance(source, PictureError):
        return without_frames(source)
    try:
        return Picture(source, None) if isinstance(source, np.ndarray) else load_picture(source)
    except PictureError as error:
        return without_frames(error)


def without_frames(error: PictureError) -> PictureError:
    """An error to be kept: where it was raised, the file's content is held."""
    return type(error)(*error.args)


def shown(engine: Engine, picture: Picture | PictureError) -> Loaded:
    """What the model sees of a picture, where there is one.

    Raises:
        DemoError: it cannot see any picture.
    """
    if isinstance(picture, PictureError):
        return picture
    try:
        return engine.look(picture.array), picture.note
    except DemoError:
        raise
    # onnxruntime's own exceptions share no base class but Exception.
    except Exception:
        logging.getLogger("touchstone").exception("A picture could not be normalised")
        return MachineError(NOT_NORMALISED)


def judge(engine: Engine, pictures: Sequence[Preprocessed], names: Sequence[str]) -> list[Checked]:
    """Score pictures as the model sees them, in one batch."""
    if not pictures:
        return []
    scores = engine.score(np.stack([seen.pixels for seen in pictures]))
    columns = (scores.fake_probability.tolist(), scores.logit.tolist(), scores.in_domain.tolist())
    read = scores.digit_probabilities
    provider = engine.provider
    readings = [None] * len(pictures) if read is None else [tuple(each) for each in read.tolist()]
    return [
        Checked(
            Answer(
                file=name,
                verdict=engine.thresholds.verdict(probability, in_domain),
                fake_probability=probability,
                logit=logit,
                digit=None if reading is None else reading.index(max(reading)),
                digit_probability=None if reading is None else max(reading),
                in_domain=in_domain,
                model=engine.model,
                version=engine.version,
                provider=provider,
            ),
            seen,
            reading,
        )
        for name, seen, probability, logit, in_domain, reading in zip(
            names, pictures, *columns, readings, strict=True
        )
    ]
