"""A coverage-guided fuzz of what meets strangers' bytes, in one process: the decoder, and the zips.

The worker's own limits are not set, so that whatever a decoder does is seen. Small pictures only: a large one
takes a second of the run and shows no other code.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

LARGEST_FUZZED_PIXELS: Final = 1 << 18
MISSING: Final = "the fuzz needs atheris, which there is for Linux: pip install atheris"


class FuzzError(Exception):
    """Something left the loader that is not of its own kind; the message says what."""


def fuzz(seconds: int, corpus: Path | None = None) -> None:
    """Fuzz until the time is up, and exit as libFuzzer does: 0, or another code where something was found.

    corpus: a folder in which what reaches new code is kept, to go on from there the next time. What was found
    is written beside it, or into the folder at work where there is none.

    Raises:
        SystemExit: with a sentence, where atheris is not installed.
    """
    try:
        import atheris
    except ImportError:
        sys.exit(MISSING)
    # What is imported before is not instrumented: nothing above imports a decoder.
    with atheris.instrument_imports(include=["demo", "PIL", "pillow_heif", "zipfile"]):
        import demo.batch.archive
        import demo.decoder.worker
        from tests.support.pictures import samples_of_every_format
        from tests.tools.hostile.seeds import archives_that_are_whole, other_formats
    loader: Any = demo.decoder.worker
    loader.configure()
    loader.LARGEST_PIXELS = loader.Image.MAX_IMAGE_PIXELS = LARGEST_FUZZED_PIXELS
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        kept = corpus or Path(temporary) / "corpus"
        kept.mkdir(parents=True, exist_ok=True)
        plant(kept, {**samples_of_every_format(), **other_formats(), **archives_that_are_whole()})
        scratch = Path(temporary) / "sent.zip"

        def meet(content: bytes) -> None:
            meet_decoder(content)
            if demo.batch.archive.is_archive(content):
                meet_archive(content, scratch)

        options = [f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=10", "-max_len=65536"]
        found = f"-artifact_prefix={kept.parent if corpus else Path.cwd()}/found-"
        atheris.Setup(
            [sys.argv[0], *options, "-rss_limit_mb=3072", "-close_fd_mask=1", found, str(kept)], meet
        )
        atheris.Fuzz()


def plant(folder: Path, whole: Mapping[str, bytes]) -> None:
    """Put the valid files that the fuzz begins with into a folder."""
    for name, content in whole.items():
        (folder / name).write_bytes(content)


def meet_decoder(content: bytes) -> None:
    """Decode; whatever but a refusal leaves it, or a picture of another kind than promised, is raised."""
    from demo.decoder.worker import RefusedError, decode

    try:
        picture, _ = decode(content)
    except RefusedError:
        return
    if picture.mode not in ("L", "RGB", "RGBA"):
        raise FuzzError(f"a picture of mode {picture.mode}")
    if not picture.tobytes():
        raise FuzzError("a picture without pixels")


def meet_archive(content: bytes, path: Path) -> None:
    """Open a zip and read what it holds; only errors that are sentences may leave it."""
    from demo.batch.archive import Archive, member_name
    from demo.errors import PictureError

    path.write_bytes(content)
    try:
        with Archive(path) as archive:
            for member in archive.members[:16]:
                member_name(member)
                try:
                    archive.read(member)
                except PictureError:
                    continue
    except PictureError:
        return
