"""Real handwriting for tests: scikit-learn's digits as IDX files."""

import functools
import gzip
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from train.data.download import IdxFile
from train.data.mnist import DataSet
from train.normalize import SINGLE, normalize

TEST_COUNT = 360


def small_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return 1,797 digits by 43 people: uint8 [n, 8, 8], ink bright, and labels uint8 [n]."""
    # Importing it takes seconds.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return (bunch.images * (255 / 16)).round().astype(np.uint8), bunch.target.astype(np.uint8)


@functools.cache
def large_digits() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the same digits enlarged and normalized as MNIST's: uint8 [n, 28, 28], and labels uint8 [n]."""
    images, labels = small_digits()
    # The normalizer looks for digits in anything larger, which takes long.
    size = (SINGLE, SINGLE)
    enlarged = (Image.fromarray(image).resize(size, Image.Resampling.BICUBIC) for image in images)
    return np.stack([normalize(np.asarray(each)[..., np.newaxis]) for each in enlarged]), labels


def write_data_set(
    folder: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8], mirrors: tuple[str, ...] = ()
) -> DataSet:
    """Write a data set's four files into a folder and return its entry."""
    folder.mkdir(parents=True)
    parts = {
        "train-images": images[:-TEST_COUNT],
        "train-labels": labels[:-TEST_COUNT],
        "test-images": images[-TEST_COUNT:],
        "test-labels": labels[-TEST_COUNT:],
    }
    files = {name: write_idx(folder, name, values) for name, values in parts.items()}
    return DataSet(
        shape=(images.shape[1], images.shape[2]),
        train_images=files["train-images"],
        train_labels=files["train-labels"],
        test_images=files["test-images"],
        test_labels=files["test-labels"],
        licence="UCI optical digits, CC BY 4.0",
        mirrors=mirrors,
    )


def write_idx(folder: Path, name: str, values: NDArray[np.uint8]) -> IdxFile:
    """Write one compressed IDX file and return its entry."""
    header = np.array([0x0800 + values.ndim, *values.shape], ">u4").tobytes()
    content = header + values.tobytes()
    (folder / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return IdxFile(name, hashlib.sha256(content).hexdigest())
