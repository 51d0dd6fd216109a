"""Many pictures uploaded together, some of them in zips: answers in batches, in bounded memory."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from demo.batch.archive import is_archive, unpacked
from demo.errors import PictureError, RequestError
from demo.inference.check import Checked, Source, check_stream
from demo.inference.engine import Engine

MOST_FILES: Final = 2000
"""Pictures checked together, including those in zips."""

MOST_BYTES: Final = 512 << 20
"""Size of all files together, with zips as they are."""


def check_selection(sources: Sequence[Path | bytes], others: int = 0) -> None:
    """Raise RequestError for too many or too large files. others: files that did not arrive."""
    if len(sources) + others > MOST_FILES:
        raise RequestError(f"These are more than {MOST_FILES:,} files; send fewer at once.")
    if sum(map(_size, sources)) > MOST_BYTES:
        raise RequestError(f"These files have more than {MOST_BYTES >> 20} MiB together; send fewer at once.")


Sent = tuple[str, Path | PictureError]
"""An uploaded file: its name, and its path or why it did not arrive."""


def check_sent(engine: Engine, sent: Sequence[Sent]) -> Iterator[tuple[list[Checked], int]]:
    """Check files, and the pictures in zips; yield each batch's answers with the total number of pictures.

    A zip that has not been opened yet counts as one picture. A file that cannot be judged has an answer with
    the reason.
    """
    total = len(sent)

    def count_in(inside: int) -> None:
        nonlocal total
        if total - 1 + inside > MOST_FILES:
            raise PictureError(
                f"The zip holds {inside:,} files, which makes more than {MOST_FILES:,} in all; send fewer at "
                "once."
            )
        total += inside - 1

    def pictures() -> Iterator[tuple[str, Source]]:
        for file, source in sent:
            if isinstance(source, PictureError) or not is_archive(source):
                yield file, source
            else:
                yield from unpacked(file, source, count_in)

    with closing(check_stream(engine, pictures())) as stream:
        for batch in stream:
            yield batch, total


def _size(source: Path | bytes) -> int:
    try:
        return len(source) if isinstance(source, bytes) else source.stat().st_size
    except OSError:
        # A missing file is answered when it is loaded.
        return 0
