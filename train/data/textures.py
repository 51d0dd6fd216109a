"""Patches of texture and noise, which fill a picture but show nothing: uint8 [side, side], 0 to 255."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Patch = NDArray[np.uint8]
SIDES: Final = (28, 80)


def sinusoids(random: np.random.Generator) -> Patch:
    """A sum of up to three plane waves."""
    return full_range(sum(np.sin(wave_phase(random)) for _ in range(random.integers(1, 4))))


def stripes(random: np.random.Generator) -> Patch:
    """Bright and dark stripes of equal width, at any angle."""
    return full_range(np.sign(np.sin(wave_phase(random))))


def checkers(random: np.random.Generator) -> Patch:
    """A checkerboard of 2 to 9 fields a side."""
    fields = int(random.integers(2, 10))
    board = np.indices((fields, fields)).sum(0) % 2 * 255
    return enlarge(board, Image.Resampling.NEAREST, random)


def gradient(random: np.random.Generator) -> Patch:
    """A linear or radial gradient."""
    down, across = coordinates(random)
    angle = random.uniform(0, 2 * np.pi)
    if random.random() < 0.5:
        return full_range(down * np.sin(angle) + across * np.cos(angle))
    return full_range(np.hypot(down - random.random(), across - random.random()))


def rings(random: np.random.Generator) -> Patch:
    """Circular waves around a point, at least three per side."""
    down, across = coordinates(random)
    distance = np.hypot(down - random.random(), across - random.random())
    return full_range(np.sin(distance * 2 * np.pi * random.uniform(3, 8)))


def clouds(random: np.random.Generator) -> Patch:
    """Smooth noise at three scales, each finer one half as strong."""
    side = round(random.uniform(*SIDES))
    layers = (
        np.asarray(
            Image.fromarray(random.random((points, points), np.float32)).resize(
                (side, side), Image.Resampling.BICUBIC
            )
        )
        / points
        for points in (4, 8, 16)
    )
    return full_range(sum(layers))


def uniform_noise(random: np.random.Generator) -> Patch:
    """Uniform noise, in grains of one pixel or more."""
    grains = random.integers(6, 29)
    return enlarge(random.integers(0, 256, (grains, grains)), Image.Resampling.NEAREST, random)


def normal_noise(random: np.random.Generator) -> Patch:
    """Normal noise around grey, in grains with smooth edges."""
    grains = random.integers(6, 29)
    values = np.clip(random.normal(128, random.uniform(20, 60), (grains, grains)), 0, 255)
    return enlarge(values, Image.Resampling.BILINEAR, random)


def speckle(random: np.random.Generator) -> Patch:
    """Bright dots on 2 to 20 % of the dark area."""
    grains = random.integers(14, 29)
    dots = random.random((grains, grains)) < random.uniform(0.02, 0.2)
    return enlarge(dots * 255, Image.Resampling.NEAREST, random)


def coordinates(random: np.random.Generator) -> NDArray[np.float64]:
    """Return each pixel's row and column in a patch of random size, from 0 to 1: float64 [2, side, side]."""
    side = round(random.uniform(*SIDES))
    return np.indices((side, side)) / side


def wave_phase(random: np.random.Generator) -> NDArray[np.float64]:
    """Return the phase of a plane wave in any direction, 2 to 8 waves per side: float64 [side, side]."""
    side_to_side = 2 * np.pi * random.uniform(2, 8)
    angle, start = random.uniform(0, 2 * np.pi, 2)
    down, across = np.indices((56, 56)) / 56
    wave: NDArray[np.float64] = side_to_side * (down * np.sin(angle) + across * np.cos(angle)) + start
    return wave


def full_range(values: NDArray[np.float64] | float) -> Patch:
    """Stretch values to 0 to 255."""
    low, high = np.min(values), np.max(values)
    return np.rint((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)


def enlarge(grains: NDArray[np.generic], resampling: Image.Resampling, random: np.random.Generator) -> Patch:
    """Enlarge to a random size."""
    side = round(random.uniform(*SIDES))
    return np.asarray(Image.fromarray(grains.astype(np.uint8)).resize((side, side), resampling))
