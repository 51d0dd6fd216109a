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
        "train-images-idx3-ubyte",
        47_040_016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    train_labels=IdxFile(
        "train-labels-idx1-ubyte",
        60_008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    test_images=IdxFile(
        "t10k-images-idx3-ubyte",
        7_840_016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    test_labels=IdxFile(
        "t10k-labels-idx1-ubyte",
        10_008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
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
            f"{name} holds {len(pictures)} pictures of shape {pictures.shape[1:]} and {len(digits)} labels, "
            f"but its entry in train/data/mnist.py expects shape {entry.shape}; correct the entry."
        )
    return Digits(
        torch.from_numpy(pictures).to(device),
        torch.from_numpy(digits.astype(np.int64)).to(device),
    )


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
                    f"{error}; or put the files into a folder {name}/ and set {DATA_VARIABLE} to its parent."
                ) from error
    return folder


def find_file(folder: Path, file: IdxFile) -> Path | None:
    """Return the file's path, compressed or not, or None."""
    for path in (folder / f"{file.name}.gz", folder / file.name):
        if path.is_file():
            return path
    return None


def read_idx(folder: Path, file: IdxFile, dimensions: int) -> np.ndarray:
    """Read and verify an IDX file: uint8, with the given number of dimensions.

    Raises:
        DataError: the file is missing, unreadable, truncated, or has the wrong content.
    """
    path = find_file(folder, file)
    if path is None:
        raise DataError(f"{folder / file.name} is missing; fetch it with `python -m train data`.")
    content = read_verified(path, file)
    header = 4 * (1 + dimensions)
    magic, *shape = np.frombuffer(content[:header], ">u4").tolist()
    # The third byte of the magic number is the type (8: unsigned byte), the fourth the dimensions.
    if magic != 0x0800 + dimensions or len(content) - header != int(np.prod(shape)):
        raise DataError(
            f"{path} is not an IDX file of {dimensions} dimensions; correct its data set's entry."
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape).copy()


def read_verified(path: Path, file: IdxFile) -> bytes:
    """Return the decompressed content of a file, checked against its entry.

    Raises:
        DataError: the file cannot be read or has the wrong content.
    """
    try:
        return unpack_verified(path.read_bytes(), file)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check its permissions.") from error
    except DataError as error:
        remedy = (
            f"put the original there, or unset {DATA_VARIABLE} to download it"
            if os.environ.get(DATA_VARIABLE)
            else "delete it, and it is downloaded again"
        )
        raise DataError(f"{path}: {error}; {remedy}.") from error
