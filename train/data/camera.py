"""Light on a scene, and what a phone makes of it."""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from train.data.augment import jpeg
from train.data.planes import Look, Range, Scene, Size, as_bytes, clouds, mostly_low

SHADOW_CORNERS: Final[Mapping[Look, tuple[int, int]]] = {"train": (3, 6), "evaluation": (6, 10)}


def light(size: Size, look: Look, kind: str, random: np.random.Generator) -> NDArray[np.floating[Any]]:
    """Return the light that falls on each pixel, float32 [height, width, 1 or 3]; 1 is full.

    kind: even, gradient, vignette, glare, soft shadow, or hard shadow.
    """
    down, across = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in size), indexing="ij")
    if kind == "gradient":
        angle, strength = random.uniform(0, 2 * math.pi), random.uniform(0.2, 0.45)
        slope = (down * math.sin(angle) + across * math.cos(angle)) / math.sqrt(2)
        return (1 - strength * (1 + slope))[..., None]
    if kind == "vignette":
        return (1 - random.uniform(0.2, 0.6) * (down**2 + across**2) / 2)[..., None]
    if kind == "glare":
        middle, wide = random.uniform(-1, 1, 2), random.uniform(0.2, 0.6)
        away = (down - middle[0]) ** 2 + (across - middle[1]) ** 2
        spot: Scene = 0.85 + random.uniform(0.2, 0.5) * np.exp(-away / np.float32(wide**2))
        return spot[..., None]
    if kind in ("soft shadow", "hard shadow"):
        canvas = Image.new("L", (size[1], size[0]))
        middle = random.random(2)
        if look == "evaluation":
            # From outside, as a hand's.
            middle[random.integers(2)] = random.choice([-0.1, 1.1])
        count = int(random.integers(*SHADOW_CORNERS[look]))
        angles = (np.arange(count) + random.uniform(0, 0.7, count)) * (2 * math.pi / count)
        reach = random.uniform(0.2, 0.9) * random.uniform(0.6, 1, count)
        corners = (middle + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)) * size[::-1]
        ImageDraw.Draw(canvas).polygon([tuple(corner) for corner in corners.tolist()], fill=255)
        softness = min(size) * (random.uniform(0.03, 0.12) if kind == "soft shadow" else 0.004)
        shade = np.asarray(canvas.filter(ImageFilter.GaussianBlur(softness)), np.float32)[..., None] / 255
        # The sky, which lights the shadow, is bluer than the lamp or the sun.
        return 1 - shade * random.uniform(0.25, 0.6) * np.array([1, 0.97, 0.92], np.float32)
    return np.ones((1, 1, 1), np.float32)


def taken(
    lit: Scene, blur: Range, deviation: float, quality: Range, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return what a phone saves of a scene: white balance, blur, noise, sharpening and JPEG.

    blur: as a percentage of the shorter side. deviation: of noise, in levels.
    """
    short = min(lit.shape[:2])
    tint = 1 + np.array([1, 0, -1], np.float32) * np.float32(np.clip(random.normal(0, 0.06), -0.15, 0.15))
    softness = short * mostly_low(blur, random) / 100
    image = Image.fromarray(as_bytes(lit * tint))
    if random.random() < 0.2:
        # The hand moved.
        image = moved(image, 3 * softness, random)
    image = image.filter(ImageFilter.GaussianBlur(softness))
    if random.random() < 0.5:
        noise = random.standard_normal(lit.shape, np.float32)
    else:
        # Phones smooth noise, most of all its colours.
        noise = clouds(lit.shape[:2], random.uniform(1, 3), random)[..., None]
    noisy = np.clip(np.rint(np.asarray(image) + noise * np.float32(deviation)), 0, 255).astype(np.uint8)
    if random.random() < 0.4:
        radius, percent = max(1.0, short * random.uniform(0.002, 0.008)), int(random.integers(30, 150))
        noisy = np.asarray(Image.fromarray(noisy).filter(ImageFilter.UnsharpMask(radius, percent, 2)))
    return jpeg(noisy, quality, random)


def moved(image: Image.Image, distance: float, random: np.random.Generator) -> Image.Image:
    """Blur along a line of this length in pixels."""
    angle = random.uniform(0, math.pi)
    for part in (distance / 2, distance / 4, distance / 8):
        shift = (1, 0, part * math.cos(angle), 0, 1, part * math.sin(angle))
        other = image.transform(image.size, Image.Transform.AFFINE, shift, Image.Resampling.BILINEAR)
        # What comes from outside is black: leave it out.
        inside = Image.new("L", image.size, 255).transform(image.size, Image.Transform.AFFINE, shift)
        image = Image.composite(Image.blend(image, other, 0.5), image, inside)
    return image
