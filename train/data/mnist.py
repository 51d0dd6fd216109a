"""Find, download, verify and load a data set: uint8 tensors that stay on the device.

A data set is looked for in the folder that `TOUCHSTONE_DATA` names (which holds `mnist/`), else in
the user's cache, else it is downloaded there. What is verified is the decompressed content, because
the same files circulate compressed in several ways.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import platformdirs
import torch

from train.data.datasets import DATASETS, DataSet, IdxFile, names
from train.data.download import download, unpack_verified
from train.errors import DataError

DATA_VARIABLE = "TOUCHSTONE_DATA"
CLASSES: Final = 10
"""The digits 0 to 9."""


@dataclass(frozen=True)
class Digits:
    """Pictures and their labels on one device.

    images: uint8 [n, height, width], 0 to 255, ink bright on dark 0.
    labels: int64 [n].
    """

    images: torch.Tensor
    labels: torch.Tensor

    def batch(self, indices: torch.Tensor) -> torch.Tensor:
        """Pictures as the networks take them: float32 [len(indices), height * width], k/255 in [0, 1]."""
        return scaled(self.images[indices])


def scaled(images: torch.Tensor) -> torch.Tensor:
    """uint8 [n, height, width] as the networks take it: float32 [n, height * width], k/255 in [0, 1]."""
    return images.flatten(1).float() / 255


def hold_out(digits: Digits) -> tuple[Digits, Digits]:
    """A training set's digits to learn from, and its last sixth, held out: 50,000 and 10,000 of MNIST."""
    border = len(digits.images) - len(digits.images) // 6
    return (
        Digits(digits.images[:border], digits.labels[:border]),
        Digits(digits.images[border:], digits.labels[border:]),
    )


def load(name: str, split: str, device: torch.device | str = "cpu") -> Digits:
    """Load one split (`train` or `test`) of a data set onto the device, downloading it if need be.

    Raises:
        DataError: the data set is unknown, missing, truncated or not the one it should be.
    """
    entry = find_entry(name)
    folder = find_folder(name)
    images, labels = (
        (entry.train_images, entry.train_labels)
        if split == "train"
        else (entry.test_images, entry.test_labels)
    )
    pictures = read_idx(folder, images, dimensions=3)
    digits = read_idx(folder, labels, dimensions=1)
    if pictures.shape[1:] != entry.shape or len(pictures) != len(digits):
        raise DataError(
            f"{name}: {len(pictures)} pictures of shape {pictures.shape[1:]} and {len(digits)} labels, "
            f"where the entry in train/data/datasets.py says pictures of shape {entry.shape}; mend the entry."
        )
    return Digits(
        torch.from_numpy(pictures).to(device),
        torch.from_numpy(digits.astype(np.int64)).to(device),
    )


def find_entry(name: str) -> DataSet:
    """The entry of a data set; raises DataError for an unknown name."""
    if name not in DATASETS:
        raise DataError(
            f"There is no data set {name!r}; known: {names()}. To add one, edit train/data/datasets.py."
        )
    return DATASETS[name]


def find_folder(name: str) -> Path:
    """The folder that holds a data set's files, all there and verified as far as their presence goes.

    Raises:
        DataError: the folder named by `TOUCHSTONE_DATA` lacks a file, or no mirror could deliver one.
    """
    entry = find_entry(name)
    given = os.environ.get(DATA_VARIABLE)
    if given:
        folder = Path(given) / name
        missing = [file.name for file in entry.files if find_file(folder, file) is None]
        if missing:
            raise DataError(
                f"{DATA_VARIABLE} is {given}, but {folder} lacks {', '.join(missing)} (with or without .gz); "
                f"put them there, or unset {DATA_VARIABLE} to download them."
            )
        return folder
    folder = Path(platformdirs.user_cache_dir("touchstone")) / name
    for file in entry.files:
        if find_file(folder, file) is None:
            try:
                download(file, entry.mirrors, folder)
            except DataError as error:
                raise DataError(
                    f"{error}; or put the files into a folder {name}/ and name its parent "
                    f"with {DATA_VARIABLE}."
                ) from error
    return folder


def find_file(folder: Path, file: IdxFile) -> Path | None:
    """The file's path, compressed or not, or None."""
    for path in (folder / f"{file.name}.gz", folder / file.name):
        if path.is_file():
            return path
    return None


def read_idx(folder: Path, file: IdxFile, dimensions: int) -> np.ndarray:
    """Read a verified IDX file: uint8, with as many dimensions as asked.

    Raises:
        DataError: the file is missing, unreadable, truncated, or its content is another one's.
    """
    path = find_file(folder, file)
    if path is None:
        raise DataError(f"{folder / file.name} is missing; fetch it with `python -m train data`.")
    content = read_verified(path, file)
    header = 4 * (1 + dimensions)
    magic, *shape = np.frombuffer(content[:header], ">u4").tolist()
    # The third byte of the magic number is the type (8: unsigned byte), the fourth the dimensions.
    if magic != 0x0800 + dimensions or len(content) - header != int(np.prod(shape)):
        raise DataError(f"{path} is no IDX file of {dimensions} dimensions; mend its data set's entry.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def read_verified(path: Path, file: IdxFile) -> bytes:
    """The decompressed content of a file, checked against its entry.

    Raises:
        DataError: it cannot be read or is not what it should be; the message tells the way out.
    """
    try:
        return unpack_verified(path.read_bytes(), file)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    except DataError as error:
        way_out = (
            f"put the original there, or unset {DATA_VARIABLE} to download it"
            if os.environ.get(DATA_VARIABLE)
            else "delete it, and it is fetched again"
        )
        raise DataError(f"{path}: {error}; {way_out}.") from error
