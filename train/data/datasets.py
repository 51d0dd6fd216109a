"""Which data sets there are: one entry each. To train on another, add an entry; nothing else changes.

The files are IDX, the format of MNIST's own distribution: a big-endian header, then uint8 values
(http://yann.lecun.com/exdb/mnist/, section "File formats").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class IdxFile:
    """One file of a data set: its name without `.gz`, size and SHA-256 of its decompressed content."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """Where a data set comes from and what it must be.

    `shape` is the height and width of a picture in pixels; pictures are uint8, ink bright on dark 0.
    `mirrors` are addresses of folders that hold `NAME.gz` for every file, tried in this order.
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


def names(datasets: Mapping[str, DataSet] = DATASETS) -> str:
    """The known data sets as a sentence lists them."""
    return ", ".join(sorted(datasets))
