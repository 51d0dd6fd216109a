"""Measure a detector on anyone's pictures: folders of them, or sheets of tiles."""

import re
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from train.config import DetectorConfig
from train.data import mnist
from train.data.augment import PART, Picture, normalize_all
from train.data.dataset import MNIST, NORMALIZED, PictureSet
from train.detector.train import load_detector, read_calibration
from train.errors import DataError
from train.evaluation.metrics import auroc
from train.evaluation.tables import VERDICTS, predictor_of, with_interval
from train.normalize import SIDE
from train.processes import Workers
from train.run import Run

SHEET: Final = re.compile(r".+-(\d+)")
"""The name of a sheet ends with the number of its tiles."""
READ_AS: Final = {"1": "L", "L": "L", "LA": "RGBA", "RGB": "RGB", "P": "RGBA", "RGBA": "RGBA"}
"""A file's mode → the mode in which it is normalized."""


def evaluate_folders(run: Run, fakes: Path, reals: Path | None) -> str:
    """Return a Markdown table of verdicts on pictures, and of AUROC against real ones.

    run: of a finished detector. fakes: folder of generated pictures; reals: of real ones, or None for MNIST's
    test digits. Each sheet is a row, and so are the other pictures of each folder.

    Raises:
        DataError: a folder has no pictures, or one of them cannot be read. RunError: the run is unfinished.
    """
    config = run.config(DetectorConfig)
    if reals is None:
        digits = mnist.load(config.dataset, "test").images.numpy()
        real_groups = {MNIST: list(digits[..., np.newaxis])}
    else:
        real_groups = read_pictures(reals)
    # By place: a folder of fakes may have the name of one of reals.
    pictures = {("real", name): group for name, group in real_groups.items()}
    pictures |= {("fake", name): group for name, group in read_pictures(fakes).items()}
    with Workers(config.jobs) as workers:
        normalized = {
            place: np.concatenate(
                workers.starmap(
                    normalize_all, [(group[start : start + PART],) for start in range(0, len(group), PART)]
                )
            )
            for place, group in pictures.items()
        }
    for kind in ("real", "fake"):
        parts = [each for (which, _), each in normalized.items() if which == kind]
        if len(parts) > 1:
            normalized[kind, f"all {kind}"] = np.concatenate(parts)
    together = PictureSet({(" ".join(place), NORMALIZED): each for place, each in normalized.items()}, {}, {})
    predict = predictor_of(load_detector(config, run), *read_calibration(run), together)
    scores = {place: predict(" ".join(place), NORMALIZED) for place in normalized}
    all_reals = np.concatenate([scores["real", name].logits for name in real_groups])
    rows = [f"| | pictures | {' | '.join(VERDICTS)} | AUROC |", "|---|" + "---|" * (len(VERDICTS) + 2)]
    for (kind, name), found in scores.items():
        shares = " | ".join(f"{share:.1%}" for share in found.shares().values())
        area = ""
        if kind == "fake":
            value = with_interval(auroc, all_reals, found.logits)
            area = f"{value['value']:.4f} ({value['low']:.4f} to {value['high']:.4f})"
        rows.append(f"| {kind}: {name} | {len(found.logits):,} | {shares} | {area} |")
    return "\n".join(rows)


def read_pictures(folder: Path) -> dict[str, list[Picture]]:
    """Return the pictures in a folder and its subfolders: by sheet, and by folder for all others.

    Raises:
        DataError: there are none, or a file is no picture that can be read.
    """
    groups: dict[str, list[Picture]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.startswith("."):
            continue
        picture = read_picture(path)
        tiles = tiles_of(picture, path.stem)
        name = path.stem if tiles else path.parent.name
        groups.setdefault(name, []).extend(tiles or [picture])
    if not groups:
        raise DataError(f"{folder} has no pictures; name a folder with PNG or JPEG files.")
    return groups


def read_picture(path: Path) -> Picture:
    """Return a picture file upright; raise DataError if it cannot be read."""
    try:
        with Image.open(path) as image:
            if image.mode not in READ_AS:
                raise DataError(f"{path} has pixels of type {image.mode}; convert it to 8 bits and RGB.")
            return np.atleast_3d(np.asarray(ImageOps.exif_transpose(image).convert(READ_AS[image.mode])))
    except OSError as error:
        raise DataError(f"{path} is no picture that can be read ({error}).") from error


def tiles_of(picture: Picture, name: str) -> list[Picture]:
    """Return the 28x28 tiles of a sheet row by row, as many as its name says; none of another picture."""
    rows, columns = picture.shape[0] // SIDE, picture.shape[1] // SIDE
    if (rows * SIDE, columns * SIDE) != picture.shape[:2] or not (match := SHEET.fullmatch(name)):
        return []
    count = int(match[1])
    if count < 2 or -(-count // columns) != rows:
        return []
    tiles = (
        picture.reshape(rows, SIDE, columns, SIDE, -1)
        .swapaxes(1, 2)
        .reshape(-1, SIDE, SIDE, picture.shape[2])
    )
    return list(tiles[:count])
