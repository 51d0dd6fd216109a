"""The folder of uploads: empty some time after the last request, and never emptied under one that runs."""

import asyncio
import io
import json
import socket
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from demo.bounds.temporary import KEPT_AT_MOST, KEPT_IDLE, Cleaner, remove_older
from tests.demo.api.test_mcp import ENCODED, use
from tests.demo.api.test_uploads import sent_by_the_page
from tests.demo.bounds.test_forgetting import Clock
from tests.support.serving import served_process
from tests.tools.load import EVERY_KIND, MARK, PICTURE, Door, form, many

FORM = "multipart/form-data; boundary=between"


def upload(folder: Path, name: str = "hash") -> Path:
    """A file as gradio puts it, in a folder of its own, and part of one whose upload was given up."""
    (folder / name).mkdir(parents=True)
    (folder / name / "7.png").write_bytes(b"a picture")
    (folder / f"tmp-{name}").write_bytes(b"half a pic")
    return folder / name / "7.png"


def until(true: Callable[[], bool], longest: float = 5.0) -> bool:
    """Whether something becomes true in time."""
    end = time.monotonic() + longest
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


class App:
    """What a cleaner asks about."""

    def __init__(self) -> None:
        self.busy = False
        self.crowded = False
        self.last = time.monotonic()
        self.cleaned = 0
        self.failures = 0

    def clean(self) -> None:
        """Count, or fail as often as it should."""
        if self.failures:
            self.failures -= 1
            raise PermissionError
        self.cleaned += 1

    @contextmanager
    def cleaner(self, folder: Path) -> Iterator[None]:
        """One that runs."""
        busy, last, crowded = lambda: self.busy, lambda: self.last, lambda: self.crowded
        with Cleaner(folder, busy, last, crowded, self.clean, idle=0.4, at_most=60):
            yield


@pytest.fixture
def app() -> App:
    return App()


def test_some_time_after_the_last_request_the_folder_is_empty(tmp_path: Path, app: App) -> None:
    with app.cleaner(tmp_path):
        upload(tmp_path)
        time.sleep(0.1)
        assert len(list(tmp_path.iterdir())) == 2
        assert until(lambda: not list(tmp_path.iterdir()))
        assert app.cleaned


def test_all_is_gone_five_minutes_after_the_last_request() -> None:
    assert KEPT_IDLE * (1 + 2 / 8) <= 300


def test_what_a_request_needs_is_kept(tmp_path: Path, app: App) -> None:
    with app.cleaner(tmp_path):
        app.busy = True
        file = upload(tmp_path)
        time.sleep(1.2)
        assert file.exists()
        app.busy = False
        assert until(lambda: not file.exists())


def looks(app: App, folder: Path, clock: Callable[[], float]) -> Cleaner:
    """A cleaner that looks whenever it is told to; files are kept for an hour, or four minutes."""
    busy, last, crowded = lambda: app.busy, lambda: app.last, lambda: app.crowded
    return Cleaner(folder, busy, last, crowded, app.clean, clock=clock)


def two_uploads(folder: Path) -> tuple[Path, Path, float]:
    """An old upload and a new one, and a time between, as the disk counts it."""
    old = upload(folder, "old")
    ended = (folder / "tmp-old").stat().st_ctime
    time.sleep(0.05)
    new = upload(folder, "new")
    return old, new, (ended + new.stat().st_ctime) / 2


def test_while_others_ask_only_the_oldest_goes(tmp_path: Path, app: App) -> None:
    clock = Clock()
    cleaner = looks(app, tmp_path, clock)
    app.busy = True
    old, new, between = two_uploads(tmp_path)
    clock.now = between + KEPT_AT_MOST - 1
    cleaner.clean()
    assert old.exists()
    clock.now = between + KEPT_AT_MOST
    cleaner.clean()
    assert left(tmp_path) == {"new", "new/7.png", "tmp-new"}
    assert new.exists()


def test_where_much_lies_there_it_goes_earlier(tmp_path: Path, app: App) -> None:
    clock = Clock()
    cleaner = looks(app, tmp_path, clock)
    app.busy = True
    old, new, between = two_uploads(tmp_path)
    clock.now = between + KEPT_IDLE
    cleaner.clean()
    assert old.exists()
    app.crowded = True
    cleaner.clean()
    assert left(tmp_path) == {"new", "new/7.png", "tmp-new"}
    assert new.exists()


def test_a_look_that_fails_is_told_and_the_next_one_removes(
    tmp_path: Path, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.failures = 1
    with app.cleaner(tmp_path):
        assert until(lambda: not app.failures)
        file = upload(tmp_path)
        assert until(lambda: not file.parent.exists())
    assert "The folder of uploads was not cleaned" in caplog.text
    assert "PermissionError" in caplog.text


def test_what_was_there_before_stays_also_in_the_end(tmp_path: Path, app: App) -> None:
    before = upload(tmp_path, "before")
    with app.cleaner(tmp_path):
        upload(tmp_path, "after")
        time.sleep(1)
        upload(tmp_path, "last")
    assert before.exists()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["before", "tmp-before"]


def test_nothing_outside_is_removed(tmp_path: Path, app: App) -> None:
    outside = upload(tmp_path / "outside")
    folder = tmp_path / "folder"
    folder.mkdir()
    with app.cleaner(folder):
        (folder / "file").symlink_to(outside)
        (folder / "folder").symlink_to(outside.parent)
        (folder / "hash").mkdir()
        (folder / "hash" / "inside").symlink_to(outside.parent)
        assert until(lambda: not list(folder.iterdir()))
    assert outside.exists()


def test_a_folder_with_something_new_in_it_stays(tmp_path: Path) -> None:
    file = upload(tmp_path)
    now = time.time()
    assert not remove_older(file.parent, now - 5)
    assert file.exists()
    assert remove_older(file.parent, now + 5)
    assert not file.parent.exists()


def test_a_folder_that_is_gone_ends_nothing(tmp_path: Path, app: App) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    with app.cleaner(folder):
        folder.rmdir()
        assert until(lambda: app.cleaned > 1)
        upload(folder)
        assert until(lambda: not list(folder.iterdir()))


def left(folder: Path) -> set[str]:
    """What lies in a folder, at any depth, folders included."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def give_up(address: str, path: str, sent: int, how: str) -> socket.socket:
    """An upload of ten megabytes of which so many bytes are sent; then `close`, `reset`, or `stall`."""
    parts = urlsplit(address)
    connection = socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout=60)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n"
    part = '--between\r\nContent-Disposition: form-data; name="files"; filename="7.png"\r\n\r\n'
    connection.sendall(f"{head}Content-Type: multipart/form-data; boundary=between\r\n\r\n{part}".encode())
    connection.sendall(bytes(sent))
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how != "stall":
        connection.close()
    return connection


def zipped(content: bytes) -> bytes:
    """A zip with three pictures."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", content)
    return stream.getvalue()


def ask_at_every_door(address: str) -> None:
    """Send files whichever way there is, and give some of it up midway."""
    door = Door.of(address)

    async def plainly() -> None:
        load = await many(door, EVERY_KIND, 2 * len(EVERY_KIND), 4)
        assert load.failures == 0
        body = form("files", 1, zipped(PICTURE))
        sent = await door.ask("POST", "/gradio_api/upload", body, FORM)
        file = {"path": json.loads(sent.body)[0], "meta": MARK}
        told = await asyncio.to_thread(
            sent_by_the_page, address, "page_many", [[file]], {"run": 1, "refused": []}
        )
        assert '"finished":true' in told
        large = await door.ask("POST", "/v1/check", form("files", 1, bytes(20 << 20)), FORM)
        assert large.status == 200

    asyncio.run(plainly())
    assert not use(address, "check", picture=ENCODED).isError
    for path in ("/gradio_api/upload", "/gradio_api/upload?upload_id=one", "/v1/check"):
        for sent in (3, 3 << 20):
            for how in ("close", "reset"):
                give_up(address, path, sent, how)
    with give_up(address, "/gradio_api/upload", 3 << 20, "stall") as stalled:
        assert stalled.recv(100).startswith(b"HTTP/1.1 408")


@pytest.mark.slow
def test_five_minutes_after_the_last_request_nothing_is_left() -> None:
    with served_process("--mcp") as (lines, process), ExitStack() as pages:
        address = next(word for word in lines[0].split() if word.startswith("http"))
        given = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
        (folder,) = (Path(each.removeprefix("TMPDIR=")) for each in given if each.startswith("TMPDIR="))
        before = left(folder)
        # A page that stays open asks for nothing.
        beats = httpx.stream("GET", f"{address}gradio_api/heartbeat/resting", trust_env=False, timeout=60)
        assert pages.enter_context(beats).status_code == 200
        ask_at_every_door(address)
        ended = time.monotonic()
        sent = left(folder) - before
        assert len(sent) > 10
        gone = 0.0
        while (passed := time.monotonic() - ended) < 300:
            gone = passed if left(folder) - before else gone
            time.sleep(1)
        print(f"{len(sent)} files and folders, the last of which was there for {gone:.0f} s")
        assert not left(folder) - before
