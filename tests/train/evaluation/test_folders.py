"""A detector on anyone's pictures: sheets are cut into tiles, and other files are grouped by folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.runs import evaluated_detector
from train.cli import main
from train.data.mnist import load
from train.errors import DataError
from train.evaluation.folders import read_pictures


@pytest.fixture
def folder(tmp_path: Path, few_digits: str) -> Path:
    """A sheet of 5 tiles in two rows of 3, a drawing as large as a sheet, and a photograph on its side."""
    digits = load(few_digits, "test").images[:6].numpy()
    digits[5] = 0
    sheet = digits.reshape(2, 3, 28, 28).swapaxes(1, 2).reshape(56, 84)
    Image.fromarray(sheet).save(tmp_path / "GAN-5.png")
    (tmp_path / "mine").mkdir()
    Image.fromarray(np.kron(digits[0], np.ones((10, 10), np.uint8))).save(tmp_path / "mine" / "three-3.png")
    upright = Image.Exif()
    upright[0x0112] = 6
    turned = np.rot90(np.dstack([digits[1]] * 3))
    Image.fromarray(turned).save(tmp_path / "mine" / "photo.png", exif=upright)
    return tmp_path


def test_sheets_are_cut_and_other_pictures_are_upright(folder: Path, few_digits: str) -> None:
    found = read_pictures(folder)
    digits = load(few_digits, "test").images[:6].numpy()
    assert {name: len(group) for name, group in found.items()} == {"GAN-5": 5, "mine": 2}
    assert np.array_equal(np.stack(found["GAN-5"])[..., 0], digits[:5])
    photo, drawing = found["mine"]
    assert np.array_equal(photo, np.dstack([digits[1]] * 3))
    assert drawing.shape == (280, 280, 1)


def test_evaluate_prints_verdicts_and_auroc_of_each_group(
    folder: Path,
    narrow: None,  # noqa: ARG001
    few_digits: str,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = evaluated_detector(tmp_path_factory, few_digits)
    capsys.readouterr()
    assert main(["evaluate", str(run), "--fakes", str(folder), "--reals", str(folder / "mine")]) == 0
    rows = [row.split(" | ") for row in capsys.readouterr().out.strip().splitlines()[2:]]
    assert [row[:2] for row in rows] == [
        ["| real: mine", "2"],
        ["| fake: GAN-5", "5"],
        ["| fake: mine", "2"],
        ["| fake: all fake", "7"],
    ]
    # The same pictures on both sides.
    assert rows[2][6].startswith("0.5000")
    assert rows[2][2:6] == rows[0][2:6]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no pictures"):
        read_pictures(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(DataError, match=r"notes\.txt is no picture"):
        read_pictures(tmp_path)
    (tmp_path / "notes.txt").unlink()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png has pixels of type I;16"):
        read_pictures(tmp_path)


def test_reals_need_fakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(tmp_path), "--reals", str(tmp_path)]) == 1
    assert "--fakes" in capsys.readouterr().err
