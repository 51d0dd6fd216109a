"""Many pictures uploaded together, some of them in zips: answers in batches, in bounded memory."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.batch.archive import Archive, is_archive, member_name
from demo.decoder.images import read_file
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


@dataclass(frozen=True)
class Sent:
    """An uploaded file: its path, or why it did not arrive."""

    name: str
    source: Path | PictureError


class Pictures:
    """The named pictures of uploaded files and zips, in order; can be iterated once.

    total: their number so far; a zip that has not been opened yet counts as one.
    """

    def __init__(self, sent: Sequence[Sent]) -> None:
        self._sent = sent
        self.total = len(sent)

    def __iter__(self) -> Iterator[tuple[str, Source]]:
        for each in self._sent:
            if isinstance(each.source, Path) and _is_archive(each.source):
                yield from self._unpack(each.name, each.source)
            else:
                yield each.name, each.source

    def _unpack(self, name: str, path: Path) -> Iterator[tuple[str, Source]]:
        try:
            archive = Archive(path)
        except PictureError as error:
            yield name, error
            return
        with archive:
            count = len(archive.members)
            if self.total - 1 + count > MOST_FILES:
                yield (
                    name,
                    PictureError(
                        f"The zip holds {count:,} files, which makes more than {MOST_FILES:,} in all; "
                        "send fewer at once."
                    ),
                )
                return
            self.total += count - 1
            for member in archive.members:
                source: Source
                try:
                    source = archive.read(member)
                except PictureError as error:
                    source = error
                yield f"{name}/{member_name(member)}", source


def check_sent(engine: Engine, sent: Sequence[Sent]) -> Iterator[tuple[list[Checked], int]]:
    """Check files, and the pictures in zips; yield each batch's answers with the total number of pictures.

    A file that cannot be judged has an answer with the reason.
    """
    pictures = Pictures(sent)
    with closing(check_stream(engine, pictures)) as stream:
        for batch in stream:
            yield batch, pictures.total


def _size(source: Path | bytes) -> int:
    try:
        return len(source) if isinstance(source, bytes) else source.stat().st_size
    except OSError:
        # A missing file is answered when it is loaded.
        return 0


def _is_archive(path: Path) -> bool:
    try:
        return is_archive(read_file(path, 4))
    except PictureError:
        # A file that cannot be read is answered when it is loaded.
        return False
