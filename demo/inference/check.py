"""From pictures to answers: decode, normalize, score. A bad picture affects only its own answer.

This is the one pipeline: every picture, uploaded, drawn or generated, passes through the normalizer.
"""

import logging
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from demo.decoder.client import Picture
from demo.decoder.images import load_picture
from demo.errors import DemoError, MachineError, PictureError
from demo.inference.answer import Answer, reason_for
from demo.inference.engine import Engine
from demo.inference.preprocess import Preprocessed

DECODERS: Final = 4
"""Pictures decoded at once: at least one for each decoder process."""

PICTURES_AT_ONCE: Final = 64
"""Pictures in a batch: enough to keep the model busy, few enough to show progress."""

BYTES_AT_ONCE: Final = 64 << 20
"""Bytes of encoded pictures in memory that end a batch early; files on disk are read one by one."""

BATCHES_AT_ONCE: Final = 2
"""One batch is scored while the next one is decoded."""

NOT_NORMALIZED: Final = "The picture could not be prepared for the model; make it smaller and try again."

Source = Path | bytes | NDArray[np.uint8] | Picture | PictureError
"""A path, an encoded picture, pixels uint8 [height, width, channels], a decoded picture, or why there is no
picture."""


@dataclass(frozen=True, eq=False)
class Checked:
    """An answer with its intermediate results.

    preprocessed: the picture after the normalizer; None if it could not be read.
    digit_probabilities: P(y | x) of the digits 0 to 9, which sum to 1; None for a model without them, and
    for a picture that is not a digit.
    machine_error: the error in the answer is the machine's, not the picture's; see `MachineError`.
    """

    answer: Answer
    preprocessed: Preprocessed | None
    digit_probabilities: tuple[float, ...] | None = None
    machine_error: bool = False

    @property
    def pixels(self) -> NDArray[np.uint8] | None:
        """The model's input, uint8 [height, width], or None if the picture could not be read."""
        return None if self.preprocessed is None else self.preprocessed.pixels

    @property
    def note(self) -> str | None:
        """A sentence for people about how the file was read, or None."""
        return None if self.preprocessed is None else self.preprocessed.note


def check_bytes(engine: Engine, name: str, content: bytes) -> Checked:
    """Check one encoded picture held in memory."""
    return check_sources(engine, [name], [content])[0]


def check_sources(engine: Engine, names: Sequence[str], sources: Sequence[Source]) -> list[Checked]:
    """Check a few pictures."""
    if len(sources) == 1:
        return answer_all(engine, names, [preprocess(engine, sources[0])])
    stream = check_stream(engine, zip(names, sources, strict=True))
    return [checked for batch in stream for checked in batch]


def check_stream(
    engine: Engine, pictures: Iterable[tuple[str, Source]], decoders: int = DECODERS
) -> Generator[list[Checked], None, None]:
    """Check any number of named pictures in bounded memory; yield their answers in order, a list per batch.

    At most `BATCHES_AT_ONCE` batches are taken from `pictures` ahead of the answers. decoders: pictures that
    are decoded at once. A picture that cannot be judged has an answer with the reason.
    """
    threads = ThreadPoolExecutor(decoders, "decoding")
    ahead: deque[tuple[list[str], list[Future[Preprocessed | PictureError]]]] = deque()

    def finish() -> list[Checked]:
        names, loading = ahead.popleft()
        return answer_all(engine, names, [each.result() for each in loading])

    try:
        for batch in batches(pictures):
            loading = [threads.submit(preprocess, engine, source) for _, source in batch]
            ahead.append(([name for name, _ in batch], loading))
            # Free encoded pictures as soon as they are decoded.
            batch.clear()
            if len(ahead) == BATCHES_AT_ONCE:
                yield finish()
        while ahead:
            yield finish()
    finally:
        # Where the caller has stopped early, pictures that have not begun are dropped.
        threads.shutdown(cancel_futures=True)


def batches(pictures: Iterable[tuple[str, Source]]) -> Iterator[list[tuple[str, Source]]]:
    """Yield up to `PICTURES_AT_ONCE` named pictures at a time, fewer if they are large and held in memory."""
    batch: list[tuple[str, Source]] = []
    held = 0
    for name, source in pictures:
        batch.append((name, source))
        held += len(source) if isinstance(source, bytes) else 0
        if len(batch) == PICTURES_AT_ONCE or held >= BYTES_AT_ONCE:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def preprocess(engine: Engine, source: Source) -> Preprocessed | PictureError:
    """Decode and normalize one picture, or return why not; raise DemoError if none can be normalized here."""
    try:
        if isinstance(source, PictureError):
            raise source
        if isinstance(source, np.ndarray):
            source = Picture(source)
        picture = source if isinstance(source, Picture) else load_picture(source)
        return engine.preprocess(picture.array, picture.note)
    except PictureError as error:
        # A copy: the traceback of the original keeps the file's content in memory.
        return type(error)(*error.args)
    except DemoError:
        raise
    # onnxruntime's exceptions share no base class but Exception.
    except Exception:
        logging.getLogger("touchstone").exception("A picture could not be normalized")
        return MachineError(NOT_NORMALIZED)


def answer_all(
    engine: Engine, names: Sequence[str], loaded: Sequence[Preprocessed | PictureError]
) -> list[Checked]:
    """Score preprocessed pictures in one batch; answer the others with the reason."""
    ready = [each.pixels for each in loaded if isinstance(each, Preprocessed)]
    scores = engine.score(np.stack(ready)) if ready else None
    checked = []
    index = 0
    for name, each in zip(names, loaded, strict=True):
        if isinstance(each, PictureError) or scores is None:
            machine_error = isinstance(each, MachineError)
            checked.append(Checked(Answer(file=name, error=str(each)), None, machine_error=machine_error))
            continue
        probability = float(scores.fake_probability[index])
        in_domain = float(scores.in_domain[index]) if each.reason is None else 0.0
        verdict = engine.thresholds.verdict(probability, in_domain)
        reason = reason_for(verdict, each.reason)
        reading = scores.digit_probabilities
        digits = None if reading is None or reason else tuple(reading[index].tolist())
        answer = Answer(
            file=name,
            verdict=verdict,
            reason=reason,
            fake_probability=None if reason else probability,
            logit=None if reason else float(scores.logit[index]),
            digit=None if digits is None else digits.index(max(digits)),
            digit_probability=None if digits is None else max(digits),
            in_domain=in_domain,
            model=engine.model,
            version=engine.version,
            provider=engine.provider,
        )
        checked.append(Checked(answer, each, digits))
        index += 1
    return checked
