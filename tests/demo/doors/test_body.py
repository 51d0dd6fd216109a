"""What a request carries: raw bodies and forms, and their limits."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from demo.doors import body
from demo.doors.body import SentFiles, read_files
from demo.doors.form import FormFiles
from demo.errors import BodyError

Headers = dict[str, str]


def read(parts: Sequence[bytes], headers: Headers, query: str = "", gone: bool = False) -> SentFiles:
    """Have a body read that comes in parts; where it is `gone`, the sender leaves after them."""
    messages: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if gone:
        messages.append({"type": "http.disconnect"})
    else:
        messages[-1]["more_body"] = False
    coming = iter(messages)

    async def receive() -> Message:
        return next(coming)

    packed = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "headers": packed, "query_string": query.encode()}
    return asyncio.run(read_files(scope, receive))


def form(files: list[tuple[str, tuple[str, bytes]]], **fields: str) -> tuple[bytes, Headers]:
    """A form as httpx sends it."""
    request = httpx.Request("POST", "http://x/", files=files, data=fields)
    return request.read(), {"content-type": request.headers["content-type"]}


@pytest.mark.parametrize("kind", ["image/png", "image/x-never-seen", "application/octet-stream", ""])
def test_a_raw_body_is_one_file(kind: str) -> None:
    sent = read([b"ab", b"", b"c"], {"content-type": kind} if kind else {}, "file=7%20%C3%A9.png")
    assert sent == SentFiles([("7 é.png", b"abc")], several=False)


def test_without_a_name_it_is_a_picture() -> None:
    assert read([b"abc"], {}).files == [("picture", b"abc")]


def test_a_form_s_files_come_in_order_and_its_fields_are_left_out() -> None:
    files = [("a", ("7.png", b"one")), ("b", ('é "8".jpg', b"")), ("a", ("7.png", b"three\r\n--"))]
    content, headers = form(files, note="a field")
    for parts in ([content], [content[:90], content[90:]], [bytes([each]) for each in content]):
        sent = read(parts, headers)
        assert sent.several
        assert [name for name, _ in sent.files][::2] == ["7.png", "7.png"]
        assert [found for _, found in sent.files] == [b"one", b"", b"three\r\n--"]


def part(head: str, content: str = "x") -> str:
    return f"--b\r\n{head}\r\n\r\n{content}\r\n"


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/X-NEVER-SEEN; a=b", "application/octet-stream"])
def test_a_part_with_a_picture_s_type_is_a_file_also_without_a_plain_name(kind: str) -> None:
    """Otherwise there would be fewer answers than pictures."""
    extended = "Content-Disposition: form-data; name=\"f\"; filename*=UTF-8''%C3%A9.png"
    parts = [
        part(f"{extended}\r\nContent-Type: {kind}", "one"),
        part('Content-Disposition: form-data; name="f"; filename="7.png"', "two"),
        part(f'Content-Type: {kind}\r\nContent-Disposition: form-data; name="f"', "three"),
        part('Content-Disposition: form-data; name="note"', "a field"),
        part('Content-Disposition: form-data; name="note"\r\nContent-Type: text/plain', "a field"),
    ]
    content = ("".join(parts) + "--b--\r\n").encode()
    sent = read([content], {"content-type": "multipart/form-data; boundary=b"})
    assert sent.files == [("picture", b"one"), ("7.png", b"two"), ("picture", b"three")]


def test_a_part_s_headers_are_few_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    head = 'Content-Disposition: form-data; name="f"; filename="7.png"\r\nContent-Type: image/png'
    content = (part(head) + "--b--\r\n").encode()
    assert read([content], kind).files == [("7.png", b"x")]
    for limit, least in (("MOST_HEADERS", 2), ("LONGEST_HEADER", len(head.partition("\r\n")[0]))):
        with monkeypatch.context() as limited:
            limited.setattr(f"demo.doors.parts.{limit}", least)
            assert read([content], kind).files == [("7.png", b"x")]
            limited.setattr(f"demo.doors.parts.{limit}", least - 1)
            with pytest.raises(BodyError, match="The form is broken"):
                read([content], kind)


def test_one_file_in_a_form_is_several() -> None:
    content, headers = form([("file", ("7.png", b"one"))])
    assert read([content], headers).several


@pytest.mark.parametrize(
    ("parts", "headers", "status", "sentence"),
    [
        ([b"{}"], {"content-type": "application/json"}, 415, "application/json is not taken here"),
        ([b"a=b"], {"content-type": "application/x-www-form-urlencoded"}, 415, "is not taken here"),
        ([b"x"], {"content-type": "image"}, 415, "image is not taken here"),
        ([b""], {"content-type": "image/png"}, 400, "The body is empty"),
        ([b"x"], {"content-type": "multipart/form-data"}, 400, "The form is broken"),
        ([b"x"], {"content-type": "multipart/form-data; boundary=b"}, 400, "The form is broken"),
        ([b"--b--\r\n"], {"content-type": "multipart/form-data; boundary=b"}, 400, "The form "),
        ([b"x"], {"content-type": f"multipart/form-data; boundary={'b' * 300}"}, 400, "The form is broken"),
        ([b"x"], {"content-length": str(40 << 20)}, 413, "more than 32 MiB"),
        ([b"x"], {"content-length": "9" * 99, "content-type": "multipart/form-data"}, 413, "44 MiB together"),
    ],
)
def test_what_cannot_be_taken(parts: list[bytes], headers: Headers, status: int, sentence: str) -> None:
    with pytest.raises(BodyError, match=sentence) as refusal:
        read(parts, headers)
    assert refusal.value.status == status
    assert str(refusal.value).endswith(".")


def test_a_form_that_is_cut_short_is_broken() -> None:
    content, headers = form([("a", ("7.png", b"one")), ("b", ("8.png", b"two"))])
    for length in (len(content) - 4, len(content) // 2, 10):
        with pytest.raises(BodyError, match="broken or cut short"):
            read([content[:length]], headers)


def test_a_body_that_lies_about_its_length_is_refused_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "LARGEST_FILE_BYTES", 1000)
    with pytest.raises(BodyError) as refusal:
        read([bytes(600), bytes(600)], {"content-length": "10"})
    assert refusal.value.status == 413


def test_many_and_large_files_of_a_form() -> None:
    def files(content: bytes, headers: Headers, most: int, largest: int) -> list[tuple[str, bytes]]:
        reader = FormFiles(headers["content-type"].partition("boundary=")[2].encode(), most, largest)
        reader.read(content)
        return reader.files()

    content, headers = form([("a", (f"{index}.png", bytes(index))) for index in range(1, 4)])
    assert len(files(content, headers, 3, 3)) == 3
    for (most, largest), sentence in (((2, 3), "more than 2 files"), ((3, 2), "A file has more than")):
        with pytest.raises(BodyError, match=sentence) as refusal:
            files(content, headers, most, largest)
        assert refusal.value.status == 413
    content, headers = form([("a", ("7.png", b"one"))], one="field", two="fields")
    with pytest.raises(BodyError, match="more than 2 files"):
        files(content, headers, 2, 3)


def test_a_sender_that_leaves() -> None:
    with pytest.raises(ClientDisconnect):
        read([b"half"], {}, gone=True)


def test_a_sender_that_dawdles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "LONGEST_UPLOAD", 0.1)
    coming = iter([b"half"])

    async def receive() -> dict[str, Any]:
        for part in coming:
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(BodyError, match="took longer than") as refusal:
        asyncio.run(read_files({"type": "http", "headers": [], "query_string": b""}, receive))
    assert refusal.value.status == 408
