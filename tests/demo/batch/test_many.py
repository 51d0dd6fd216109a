"""Many files at once: their order, their zips, their errors, and how much is held of them."""

from pathlib import Path

import numpy as np
import pytest

from demo.api.results import answers
from demo.batch.archive import NESTED, NO_PICTURES
from demo.batch.many import MOST_BYTES, MOST_FILES, Sent, check_selection, check_sent
from demo.decoder.images import encode_png
from demo.errors import PictureError, RequestError
from demo.inference.check import Checked, check_sources
from demo.inference.engine import Engine
from tests.demo.batch.test_archive import zip_bytes
from tests.support.driving import picture_bytes

SEVEN = picture_bytes()
PNG = encode_png(np.zeros((28, 28), np.uint8))


def write(folder: Path, name: str, content: bytes) -> Sent:
    path = folder / name
    path.write_bytes(content)
    return name, path


def checked(engine: Engine, sent: list[Sent]) -> list[Checked]:
    return [each for batch, _ in check_sent(engine, sent) for each in batch]


def test_files_and_zips_are_answered_in_order_and_errors_stay_with_their_files(
    engine: Engine, tmp_path: Path
) -> None:
    lost = PictureError("It did not come.")
    sent: list[Sent] = [
        write(tmp_path, "a.zip", zip_bytes({"x/7.png": SEVEN, "in.zip": zip_bytes({}), "note.txt": b"no"})),
        ("lost.png", lost),
        write(tmp_path, "7.png", SEVEN),
        write(tmp_path, "empty.zip", zip_bytes({})),
        ("gone.png", tmp_path / "gone.png"),
    ]
    answers = [each.answer for each in checked(engine, sent)]
    assert [each.file for each in answers] == [
        "a.zip/x/7.png", "a.zip/in.zip", "a.zip/note.txt", "lost.png", "7.png", "empty.zip", "gone.png",
    ]  # fmt: skip
    assert [each.error for each in answers if each.error] == [
        NESTED,
        "This is no picture that can be read; use PNG, JPEG, WebP, AVIF, BMP, GIF or HEIC.",
        str(lost),
        NO_PICTURES,
        "There is no such file; check the name.",
    ]
    alone = check_sources(engine, ["7.png"], [tmp_path / "7.png"])[0].answer
    for each in (answers[0], answers[4]):
        assert each.fake_probability == pytest.approx(alone.fake_probability, abs=1e-6)


def test_a_zip_that_makes_too_many_is_refused_alone(tutorial_engine: Engine, tmp_path: Path) -> None:
    full = write(tmp_path, "full.zip", zip_bytes({f"{index}.png": b"" for index in range(MOST_FILES)}))
    assert len(checked(tutorial_engine, [full])) == MOST_FILES
    refused, other = (each.answer for each in checked(tutorial_engine, [full, write(tmp_path, "1.png", PNG)]))
    assert (
        refused.error == "The zip holds 2,000 files, which makes more than 2,000 in all; send fewer at once."
    )
    assert (other.file, other.error) == ("1.png", None)


def test_a_selection_has_its_limits(engine: Engine, tmp_path: Path) -> None:
    half = tmp_path / "half"
    with half.open("wb") as stream:
        stream.truncate(MOST_BYTES // 2)
    check_selection([half, half, tmp_path / "gone"])
    check_selection([b""] * MOST_FILES)
    check_selection([], MOST_FILES)
    with pytest.raises(RequestError, match=r"^These files have more than 512 MiB together; .*\.$"):
        check_selection([half, half, b"x"])
    for sources, others in (([b""] * (MOST_FILES + 1), 0), ([b""], MOST_FILES)):
        with pytest.raises(RequestError, match=r"^These are more than 2,000 files; .*\.$"):
            check_selection(sources, others)
    with pytest.raises(RequestError, match="more than 2,000 files"):
        answers(engine, ["7.png"] * (MOST_FILES + 1), [SEVEN] * (MOST_FILES + 1))
