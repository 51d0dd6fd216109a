"""The fields of a form of uploads: counted while they come, files left out, as gradio tells them apart."""

import asyncio
from collections.abc import Sequence

import pytest
from gradio.route_utils import GradioMultiPartParser
from starlette.datastructures import Headers
from starlette.types import Message

from demo.doors.fields import BROKEN_UPLOAD, LARGEST_FIELDS_BYTES, NO_FILE, fields_counted
from demo.errors import BodyError

FORM = "multipart/form-data; boundary=b"
FILE = 'Content-Disposition: form-data; name="files"; filename="7.png"'
FIELD = 'Content-Disposition: form-data; name="files"'


def part(size: int, *headers: str) -> bytes:
    """A part of a form with so many bytes."""
    return ("--b\r\n" + "".join(f"{each}\r\n" for each in headers) + "\r\n").encode() + bytes(size) + b"\r\n"


def read(pieces: Sequence[bytes], kind: str = FORM) -> bytes:
    """What goes on of a form that comes in pieces."""
    coming = iter(pieces)

    async def receive() -> Message:
        return {"type": "http.request", "body": next(coming), "more_body": True}

    async def read_all() -> bytes:
        counted = fields_counted({"type": "http", "headers": [(b"content-type", kind.encode())]}, receive)
        return b"".join([(await counted())["body"] for _ in pieces])

    return asyncio.run(read_all())


def held_by_gradio(form: bytes) -> int:
    """Bytes of a form that gradio's own parser keeps in memory."""

    async def stream() -> "asyncio.AsyncIterator[bytes]":  # type: ignore[name-defined]
        yield form

    async def parse() -> int:
        parser = GradioMultiPartParser(Headers({"content-type": FORM}), stream(), max_file_size=float("inf"))
        found = await parser.parse()
        await found.close()
        return sum(len(value) for _, value in found.multi_items() if isinstance(value, str))

    return asyncio.run(parse())


@pytest.mark.parametrize("length", [1, 7, 1 << 16, 1 << 20])
def test_files_of_any_size_go_on_unchanged(length: int) -> None:
    size = 300 if length < 100 else 5 * LARGEST_FIELDS_BYTES
    form = part(size, FILE) + part(100, FIELD) + part(size, "Content-Type: image/png", FILE) + b"--b--\r\n"
    assert read([form[at : at + length] for at in range(0, len(form), length)]) == form


def test_fields_are_refused_as_soon_as_they_are_too_large_together() -> None:
    half = part(LARGEST_FIELDS_BYTES // 2, FIELD)
    assert read([half, half])
    with pytest.raises(BodyError) as refusal:
        read([half, part(LARGEST_FIELDS_BYTES, FILE), half, part(1, FIELD)])
    assert (refusal.value.status, str(refusal.value)) == (413, NO_FILE)


@pytest.mark.parametrize(
    "headers",
    [
        (FIELD,),
        (FILE, FIELD),
        (FIELD, "Content-Type: image/png"),
        ("Content-Disposition: form-data; name=\"files\"; filename*=UTF-8''7.png",),
        ('CONTENT-DISPOSITION: form-data; name="files"',),
    ],
)
def test_what_gradio_holds_in_memory_counts(headers: tuple[str, ...]) -> None:
    form = part(LARGEST_FIELDS_BYTES + 1, *headers) + b"--b--\r\n"
    assert held_by_gradio(form) == LARGEST_FIELDS_BYTES + 1
    with pytest.raises(BodyError):
        read([form])


@pytest.mark.parametrize("headers", [(FILE,), (FIELD, FILE), (FILE.lower(), "Content-Type: text/plain")])
def test_what_gradio_writes_to_the_disk_does_not(headers: tuple[str, ...]) -> None:
    form = part(LARGEST_FIELDS_BYTES + 1, *headers) + b"--b--\r\n"
    assert held_by_gradio(form) == 0
    assert read([form]) == form


@pytest.mark.parametrize("kind", [f"multipart/form-data; boundary={'b' * 300}", FORM])
def test_what_is_no_form_is_refused(kind: str) -> None:
    with pytest.raises(BodyError) as refusal:
        read([b"nothing of the kind"], kind)
    assert (refusal.value.status, str(refusal.value)) == (400, BROKEN_UPLOAD)


@pytest.mark.parametrize("kind", ["", "image/png", "multipart/form-data"])
def test_of_what_is_no_form_gradio_reads_nothing(kind: str) -> None:
    assert read([bytes(LARGEST_FIELDS_BYTES + 1)], kind)
