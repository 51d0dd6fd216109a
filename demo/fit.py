"""Fit any picture to what the model sees: one digit, ink bright on dark, centred as MNIST centres it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from demo.contract import PICTURE_SHAPE

LONGEST_SIDE = 20
"""MNIST's digits fit 20x20 inside 28x28, centred by their mass (http://yann.lecun.com/exdb/mnist/)."""


def fit(image: NDArray[np.uint8], shape: tuple[int, int] = PICTURE_SHAPE) -> NDArray[np.uint8]:
    """uint8 [height, width, 1 | 3 | 4] → uint8 `shape`, ink bright on dark 0.

    A picture that already has that shape, one channel and a dark border is taken as it is.
    """
    grey = to_grey(image)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = int(np.median(border))
    ink = grey if paper <= 127 else 255 - grey
    if ink.shape == shape:
        return ink
    spread = int(np.abs(border.astype(int) - paper).max())
    ink = np.where(ink <= min(paper, 255 - paper) + spread, 0, ink).astype(np.uint8)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return np.zeros(shape, np.uint8)
    cropped = Image.fromarray(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    scale = LONGEST_SIDE * min(shape) / min(PICTURE_SHAPE) / max(cropped.size)
    size = (max(1, round(cropped.width * scale)), max(1, round(cropped.height * scale)))
    return centred(np.asarray(cropped.resize(size, Image.Resampling.BOX)), shape)


def to_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """uint8 [height, width]; transparency over white, or over black where the ink is bright."""
    if image.shape[2] == 1:
        grey: NDArray[np.uint8] = image[..., 0]
        return grey
    light = image[..., :3] @ np.array([0.299, 0.587, 0.114])
    if image.shape[2] == 4:
        alpha = image[..., 3] / 255
        bright = float((light * alpha).sum()) > 127 * float(alpha.sum())
        light = light * alpha + (0 if bright else 255) * (1 - alpha)
    rounded: NDArray[np.uint8] = np.round(light).astype(np.uint8)
    return rounded


def centred(digit: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Paste a digit that fits so that its centre of mass falls on the middle of the picture."""
    result = np.zeros(shape, np.uint8)
    start = []
    for axis in (0, 1):
        mass = digit.sum(1 - axis, dtype=float)
        middle = float((mass * (np.arange(len(mass)) + 0.5)).sum() / mass.sum()) if mass.sum() else 0
        start.append(int(np.clip(round(shape[axis] / 2 - middle), 0, shape[axis] - len(mass))))
    result[start[0] : start[0] + digit.shape[0], start[1] : start[1] + digit.shape[1]] = digit
    return result
