"""The pictures in folders: order, names, links, loops, and unreadable folders."""

import os
import sys
import tempfile
from pathlib import Path

import pytest

from demo.batch.find import find_pictures
from tests.support.processes import run_python


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path) -> list[str]:
    """The names that are found, below the folder."""
    return [Path(name).relative_to(folder).as_posix() for name, _ in find_pictures([folder])]


def test_pictures_at_any_depth_come_by_name(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/2.JPG", "a/10.png", "c/d/e.webp", "c/a.heic", "B.gif")
    assert found(tmp_path) == ["B.gif", "a/10.png", "a/2.JPG", "b.png", "c/a.heic", "c/d/e.webp"]


def test_only_what_is_named_like_a_picture_and_is_not_hidden(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "notes.txt", "labels.csv", "png", "._a.png", ".thumbnails/a.png", "a.png.bak")
    assert found(tmp_path) == ["a.png"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    touch(tmp_path, "folder/a.png", "upload")
    given = [tmp_path / "upload", tmp_path / "folder", tmp_path / "gone.png"]
    names = [tmp_path / "upload", tmp_path / "folder" / "a.png", tmp_path / "gone.png"]
    assert list(find_pictures(given)) == [(str(path), path) for path in names]


def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "digits/a/1.png", "elsewhere/2.png")
    digits = tmp_path / "digits"
    (digits / "a" / "up").symlink_to(digits)
    (digits / "self").symlink_to(".")
    (digits / "b").symlink_to(tmp_path / "elsewhere")
    (digits / "c.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    (digits / "gone.png").symlink_to("nowhere")
    (digits / "ring").symlink_to("ring")
    (digits / "ring.png").symlink_to("ring.png")
    assert found(digits) == ["a/1.png", "b/2.png", "c.png", "gone.png", "ring.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_left_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("pipe.png")
    touch(tmp_path, "a.png")
    assert found(tmp_path) == ["a.png"]


def test_a_very_deep_tree_is_searched_to_its_end(tmp_path: Path) -> None:
    folders = [tmp_path]
    for _ in range(sys.getrecursionlimit() + 100):
        folders.append(folders[-1] / "d")
        folders[-1].mkdir()
    picture = folders[-1] / "1.png"
    picture.touch()
    assert list(find_pictures([tmp_path])) == [(str(picture), picture)]
    # Python itself removes folders by recursion.
    picture.unlink()
    for folder in reversed(folders[1:]):
        folder.rmdir()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="this system has no such permissions")
def test_an_unreadable_folder_is_reported() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        touch(folder, "closed/1.png", "open/2.png")
        (folder / "closed").chmod(0)
        # The mode of a folder does not bind root.
        program = (
            "import os, sys\nfrom pathlib import Path\nfrom demo.batch.find import find_pictures\n"
            "os.geteuid() or os.seteuid(1000)\n"
            "for name, source in find_pictures([Path(sys.argv[1])]): print(Path(name).name, source)\n"
        )
        result = run_python("-c", program, str(folder))
    assert result.stdout.splitlines() == [
        "closed The folder cannot be read (Permission denied).",
        f"2.png {folder / 'open' / '2.png'}",
    ]
