"""Find, download, verify and load a data set of digits. Each is one entry of `DATASETS`.

The files are IDX, the format of MNIST's own distribution: a big-endian header, then uint8 values
(http://yann.lecun.com/exdb/mnist/, section "File formats"). They are searched in the folder named by
`TOUCHSTONE_DATA` (which holds `mnist/`), else in the user's cache, else downloaded into the cache. The
decompressed content is verified, because mirrors compress the same files differently.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray

from train.data.download import IdxFile, download, unpack_verified
from train.errors import DataError

DATA_VARIABLE = "TOUCHSTONE_DATA"
CLASSES: Final = 10
"""The digits 0 to 9."""


@dataclass(frozen=True)
class DataSet:
    """Where a data set comes from, and what its files must be.

    shape: height and width of a picture in pixels; pictures are uint8 with bright ink on 0.
    mirrors: addresses of folders that hold `NAME.gz` for every file, tried in this order.
    """

    shape: tuple[int, int]
    train_images: IdxFile
    train_labels: IdxFile
    test_images: IdxFile
    test_labels: IdxFile
    licence: str
    mirrors: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[IdxFile, ...]:
        return (self.train_images, self.train_labels, self.test_images, self.test_labels)


MNIST: Final = DataSet(
    shape=(28, 28),
    train_images=IdxFile(
        "train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    train_labels=IdxFile(
        "train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    test_images=IdxFile(
        "t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    test_labels=IdxFile(
        "t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
    licence="MNIST: Y. LeCun, C. Cortes, C. Burges; CC BY-SA 3.0",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

DATASETS: dict[str, DataSet] = {"mnist": MNIST}
"""To train on another data set, add an entry."""


@dataclass(frozen=True)
class Digits:
    """Pictures and their labels on one device.

    images: uint8 [n, height, width], 0 to 255, bright ink on 0.
    labels: int64 [n].
    """

    images: torch.Tensor
    labels: torch.Tensor

    def first(self, count: int) -> "Digits":
        """Return the first `count` digits, or all if there are fewer."""
        return Digits(self.images[:count], self.labels[:count])


def to_float(images: torch.Tensor) -> torch.Tensor:
    """Convert uint8 [n, height, width] to float32 [n, height * width], k/255 in [0, 1]."""
    return images.flatten(1).float() / 255


def to_pixels(pictures: torch.Tensor) -> NDArray[np.uint8]:
    """Round float pictures in [0, 1], of any shape and on any device, to uint8, 0 to 255."""
    pixels: NDArray[np.uint8] = torch.round(pictures * 255).to(torch.uint8).cpu().numpy()
    return pixels


def hold_out(digits: Digits) -> tuple[Digits, Digits]:
    """Split a training set into digits to learn from and the last sixth: 50,000 and 10,000 of MNIST."""
    border = len(digits.images) - len(digits.images) // 6
    return digits.first(border), Digits(digits.images[border:], digits.labels[border:])


def names() -> str:
    """Return the names of the known data sets, separated by commas."""
    return ", ".join(sorted(DATASETS))


def load(name: str, split: str, device: torch.device | str = "cpu") -> Digits:
    """Load one split (`train` or `test`) of a data set onto the device, downloading it if necessary.

    Raises:
        DataError: the data set is unknown, missing, truncated or not the expected one.
    """
    entry, folder = find_entry(name), find_folder(name)
    files = entry.files[:2] if split == "train" else entry.files[2:]
    pictures, digits = (read_idx(find_file(folder, file), file) for file in files)
    if pictures.shape[1:] != entry.shape or digits.shape != pictures.shape[:1]:
        raise DataError(
            f"{name} holds pictures of shape {pictures.shape} and labels of shape {digits.shape}, but its "
            f"entry in train/data/mnist.py expects pictures of {entry.shape}; correct the entry."
        )
    return Digits(torch.from_numpy(pictures).to(device), torch.from_numpy(digits.astype(np.int64)).to(device))


def find_entry(name: str) -> DataSet:
    """Return the entry of a data set; raise DataError for an unknown name."""
    if name not in DATASETS:
        raise DataError(
            f"There is no data set {name!r}; known: {names()}. To add one, edit train/data/mnist.py."
        )
    return DATASETS[name]


def find_folder(name: str) -> Path:
    """Return the folder that holds all files of a data set; their content is not verified yet.

    Raises:
        DataError: the folder named by `TOUCHSTONE_DATA` lacks a file, or no mirror delivers one.
    """
    entry, given = find_entry(name), os.environ.get(DATA_VARIABLE)
    folder = Path(given or platformdirs.user_cache_dir("touchstone")) / name
    missing = [file for file in entry.files if not find_file(folder, file).is_file()]
    if given and missing:
        raise DataError(
            f"{DATA_VARIABLE} is {given}, but {folder} lacks {', '.join(file.name for file in missing)} "
            f"(with or without .gz); put them there, or unset {DATA_VARIABLE} to download them."
        )
    for file in missing:
        try:
            download(file, entry.mirrors, folder)
        except DataError as error:
            raise DataError(
                f"{error}. Check the network, or put the files into a folder {name}/ and set {DATA_VARIABLE} "
                "to its parent."
            ) from error
    return folder


def find_file(folder: Path, file: IdxFile) -> Path:
    """Return the file's path: the compressed one, or without it the other, which may not exist."""
    compressed = folder / f"{file.name}.gz"
    return compressed if compressed.is_file() else folder / file.name


def read_idx(path: Path, file: IdxFile) -> NDArray[np.uint8]:
    """Read and verify an IDX file.

    Raises:
        DataError: the file is missing, unreadable, truncated, or has the wrong content.
    """
    try:
        content = unpack_verified(path.read_bytes(), file)
        # The magic number's third byte is the type (8: unsigned byte), its fourth the number of dimensions.
        dimensions = content[3]
        shape = np.frombuffer(content, ">u4", dimensions, offset=4)
        return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape).copy()
    except (OSError, DataError, IndexError, ValueError) as error:
        remedy = (
            f"put the original there, or unset {DATA_VARIABLE} to download it"
            if os.environ.get(DATA_VARIABLE)
            else "delete it, and it is downloaded again"
        )
        raise DataError(f"{path} cannot be used: {error}; {remedy}.") from error
