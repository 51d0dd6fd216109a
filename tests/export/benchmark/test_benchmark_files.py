"""`python -m export benchmark files`: what it measures, at a small scale."""

import math
from pathlib import Path

import numpy as np

from demo.batch.find import find_pictures
from demo.decoder.images import load_picture
from export.benchmark.files import CHECK, DECODER, FORMATS, SIZES, digit_folder, measure, mixed_folder
from export.benchmark.options import Options
from export.benchmark.report import load, save


def test_every_figure_is_there_and_means_something(tmp_path: Path) -> None:
    report = measure(Options(rounds=1, quick=True))
    save(report, tmp_path)
    assert load("files", tmp_path) == report
    tasks = [(row.task, row.contestant) for row in report.rows]
    for pictures in ("28x28 digits as PNG", "pictures of 28x28 to 1024x768"):
        for kind in ("by the clock", "processor time of all processes"):
            assert (f"{pictures}, {kind}", DECODER) in tasks
            assert (f"{pictures}, {kind}", CHECK) in tasks
    assert ("256 digits in one run", CHECK) in tasks
    assert ("256 digits in one run, peak memory", "until file 256") in tasks
    assert len(set(tasks)) == len(tasks) == 14
    for row in report.rows:
        figures = [row.cost, *([row.ratio] if row.ratio else [])]
        assert all(math.isfinite(figure.median) and figure.median > 0 for figure in figures), row


def test_the_folders_hold_what_they_are_said_to(tmp_path: Path) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (12, 28, 28), np.uint8)
    assert sum(1 for _ in find_pictures([digit_folder(tmp_path / "digits", digits, 30)])) == 30
    mixed = [path for _, path in find_pictures([mixed_folder(tmp_path / "mixed", digits)])]
    assert len(mixed) == len(digits)
    pictures = [load_picture(path).array for path in mixed if isinstance(path, Path)]
    assert {(picture.shape[1], picture.shape[0]) for picture in pictures} == set(SIZES)
    assert {path.suffix for path in mixed if isinstance(path, Path)} == {f".{f.lower()}" for f in FORMATS}
