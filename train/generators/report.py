"""Measure generators beside held-out real digits, and save grids of their samples."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.data.mnist import CLASSES
from train.errors import ConfigError
from train.figures import save_grid
from train.generators.base import Generator, real_digits
from train.generators.classifier import DigitClassifier, features_and_digits
from train.generators.quality import frechet_distance, nearest_distances, precision_recall

HELD_OUT: Final = "held_out_reals"
NEIGHBOURS: Final = 3
CLOSEST: Final = 0.01
"""Share of real digits that lie closest to a known one; a fake that is closer counts as a copy."""
GRID_SIDE: Final = 10

COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("Digits", "s"),
    "kind": ("Kind", "s"),
    "frechet": ("Fréchet", ".3f"),
    "frechet_ratio": ("of the reals'", ".1f"),
    "precision": ("Precision", ".3f"),
    "recall": ("Recall", ".3f"),
    "wanted_digit": ("Wanted digit", ".2%"),
    "nearest_median": ("Nearest known", ".3f"),
    "copies": ("Copies", ".2%"),
    "seconds_per_1000": ("s per 1,000", ".2f"),
    "training_seconds": ("s of training", ".0f"),
}
"""Key of a figure → its heading and format in the table."""


def measure_generators(
    generators: Sequence[Generator],
    classifier: DigitClassifier,
    reals: NDArray[np.uint8],
    held_out: tuple[NDArray[np.uint8], NDArray[np.int64]],
    known: NDArray[np.uint8],
    count: int = 10_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure generators against test digits; the first row measures held-out real digits likewise.

    reals: the test digits, uint8 [n, 28, 28].
    held_out: real digits that neither the classifier nor a generator learnt from, uint8 [m, 28, 28] and
        int64 [m]. Conditional generators generate the same digits as these: equal shares of each digit
        would themselves be at a distance from real ones.
    known: what the generators learnt from, uint8 [k, 28, 28], without the held-out digits.
    count: samples of each generator, and test digits; fewer if there are fewer test or held-out digits.

    Returns a report for JSON: `count`, `neighbours` (of precision and recall), `known` (how many), `seed`,
    and `rows`. Each row has the figures of `COLUMNS`, and `nearest_closest`, the distance that 1 % fall
    below. `frechet_ratio` and `copies` are relative to the first row: `copies` is the share closer to a known
    digit than the closest 1 % of real ones, so 1 % is expected by chance. Distances are from 0 to 1 per
    pixel. `wanted_digit` is None for unconditional generators, and both times are None for real digits. All
    but the times depends on the arguments alone.

    Raises:
        ConfigError: held-out digits are among the known ones, or there are too few digits.
    """
    images, labels = held_out
    count = min(count, len(reals), len(images))
    if count <= NEIGHBOURS:
        raise ConfigError(f"{count} digits are too few to measure; give more test and held-out digits.")
    random = np.random.default_rng(seed)
    # Shuffled: MNIST's test digits are sorted, those of the neater writers first.
    tested = reals[random.permutation(len(reals))[:count]]
    wanted = labels[random.permutation(len(labels))[:count]]
    test_features, _ = features_and_digits(classifier, tested)

    def measure(generator: Generator) -> tuple[dict[str, Any], NDArray[np.float32]]:
        """Return a generator's figures, and its samples' distances to the nearest known digit, [count]."""
        began = time.perf_counter()
        pictures = generator.sample(count, seed, wanted if generator.conditional else None)
        seconds = time.perf_counter() - began
        features, digits = features_and_digits(classifier, pictures)
        precision, recall = precision_recall(test_features, features, NEIGHBOURS)
        nearest = nearest_distances(pictures, known)
        real = generator.kind == "real"
        row = {
            "name": generator.name,
            "kind": generator.kind,
            "frechet": frechet_distance(test_features, features),
            "precision": precision,
            "recall": recall,
            "wanted_digit": float((digits == wanted).mean()) if generator.conditional else None,
            "nearest_median": float(np.median(nearest)),
            "nearest_closest": float(np.quantile(nearest, CLOSEST)),
            "seconds_per_1000": None if real else seconds * 1000 / count,
            "training_seconds": None if real else generator.seconds,
        }
        return row, nearest

    standard, standard_nearest = measure(real_digits(HELD_OUT, images, labels))
    border = standard["nearest_closest"]
    if border == 0:
        raise ConfigError("Held-out digits are among the known ones, so that copies cannot be recognised.")
    measured = [(standard, standard_nearest), *map(measure, generators)]
    rows = [
        {
            **row,
            "frechet_ratio": row["frechet"] / standard["frechet"],
            "copies": float((nearest < border).mean()),
        }
        for row, nearest in measured
    ]
    return {"count": count, "neighbours": NEIGHBOURS, "known": len(known), "seed": seed, "rows": rows}


def markdown_table(report: Mapping[str, Any]) -> str:
    """Return a report of `measure_generators` as a Markdown table with a line per generator."""
    headings = [heading for heading, _ in COLUMNS.values()]
    rules = ["---" if form == "s" else "--:" for _, form in COLUMNS.values()]
    cells = [
        ["—" if row[key] is None else format(row[key], form) for key, (_, form) in COLUMNS.items()]
        for row in report["rows"]
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, rules, *cells))


def save_grids(folder: Path, generators: Sequence[Generator], seed: int = 0) -> None:
    """Save 10 x 10 samples of each generator as `NAME.png`; a conditional one's rows are 0 to 9.

    Raises:
        RunError: a file cannot be written.
    """
    digits = np.repeat(np.arange(CLASSES), GRID_SIDE)
    for generator in generators:
        pictures = generator.sample(len(digits), seed, digits if generator.conditional else None)
        save_grid(folder / f"{generator.name}.png", pictures, GRID_SIDE)
