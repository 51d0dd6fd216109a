"""Any number of pictures, in bounded memory: while a batch is scored the next one is decoded."""

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from demo.inference.check import (
    DECODERS,
    PICTURES_AT_ONCE,
    Checked,
    Loaded,
    Source,
    answer_loaded,
    preprocess_many,
)
from demo.inference.engine import Engine

BYTES_AT_ONCE: Final = 64 << 20
"""Of files held in memory, which end a batch early; a file on disk is read when its turn comes."""

BATCHES_AT_ONCE: Final = 2
"""One that is scored, and one that is decoded meanwhile."""

TOGETHER: Final = 8
"""Pictures of a batch that one thread takes: enough to be worth handing over, few enough to share out."""


@dataclass(frozen=True)
class Batch:
    """Pictures on their way through the decoders, in order, `TOGETHER` in each part."""

    names: list[str]
    loading: list[Future[list[Loaded]]]


def check_stream(
    engine: Engine, pictures: Iterable[tuple[str, Source]]
) -> Generator[list[Checked], None, None]:
    """Check named pictures from wherever they come: the answers in the same order, a list a batch.

    The discriminator is called once a batch, of up to `PICTURES_AT_ONCE` pictures. No more than
    `BATCHES_AT_ONCE` batches are taken from `pictures` ahead of the answers, however many there are. A
    picture that cannot be judged has an answer that says why.
    """
    threads = ThreadPoolExecutor(DECODERS, "decoding")
    ahead: deque[Batch] = deque()
    try:
        for named in batches(pictures):
            sources = [source for _, source in named]
            parts = [sources[start : start + TOGETHER] for start in range(0, len(sources), TOGETHER)]
            loading = [threads.submit(preprocess_many, engine, part) for part in parts]
            ahead.append(Batch([name for name, _ in named], loading))
            # What they come from is let go once they have been decoded.
            named.clear()
            del sources, parts
            if len(ahead) == BATCHES_AT_ONCE:
                yield finish(engine, ahead.popleft())
        while ahead:
            yield finish(engine, ahead.popleft())
    finally:
        # Nobody waits any more for what has not begun.
        threads.shutdown(cancel_futures=True)


def finish(engine: Engine, batch: Batch) -> list[Checked]:
    """Wait for a batch's decoders, and score it."""
    return answer_loaded(engine, batch.names, [each for part in batch.loading for each in part.result()])


def batches(pictures: Iterable[tuple[str, Source]]) -> Iterator[list[tuple[str, Source]]]:
    """Named pictures in parts of up to `PICTURES_AT_ONCE`, fewer where they are large and held in memory."""
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
