"""The folder of uploads: empty some time after the last request, and never emptied under one that runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.bounds.temporary import KEPT_IDLE, Cleaner, remove_older


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

    def clean(self) -> None:
        """Count."""
        self.cleaned += 1

    @contextmanager
    def cleaner(self, folder: Path, idle: float = 0.4, at_most: float = 60) -> Iterator[None]:
        """One that runs."""
        busy, last, crowded = lambda: self.busy, lambda: self.last, lambda: self.crowded
        with Cleaner(folder, busy, last, crowded, self.clean, idle, at_most):
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


def test_while_others_ask_only_the_oldest_goes(tmp_path: Path, app: App) -> None:
    app.busy = True
    with app.cleaner(tmp_path, at_most=0.8):
        old = upload(tmp_path, "old")
        time.sleep(0.6)
        new = upload(tmp_path, "new")
        assert until(lambda: not old.parent.exists())
        assert new.exists()


def test_where_much_lies_there_it_goes_earlier(tmp_path: Path, app: App) -> None:
    app.busy = True
    with app.cleaner(tmp_path):
        old = upload(tmp_path, "old")
        time.sleep(0.8)
        assert old.exists()
        app.crowded = True
        new = upload(tmp_path, "new")
        assert until(lambda: not old.parent.exists())
        assert new.exists()
        assert until(lambda: not new.exists())


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
