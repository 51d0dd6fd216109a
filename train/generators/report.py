"""The judge's report: every generator's figures beside those of held-out real ones, and walls to look at."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from train.data.mnist import CLASSES
from train.generators.classifier import Judge, features_of, probabilities_of
from train.generators.generator import Generator
from train.generators.quality import frechet_distance, nearest_distances, precision_recall
from train.generators.reals import real_digits
from train.pictures import save_grid

HELD_OUT: Final = "held_out_reals"
NEIGHBOURS: Final = 3
CLOSEST: Final = 0.01
"""The share of real digits that lie closest to a known one."""

WALL_SIDE: Final = 10

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
"""Figure of a row → its heading in the table and its format there."""


@dataclass(frozen=True)
class Bench:
    """What every generator is measured with: the same test digits, wishes and known pictures.

    test_features: float32 [count, 64]; wanted: int64 [count]; known: uint8 [k, 28, 28].
    """

    judge: Judge
    test_features: NDArray[np.float32]
    wanted: NDArray[np.int64]
    known: NDArray[np.uint8]
    seed: int

    def measure(self, generator: Generator) -> tuple[dict[str, Any], NDArray[np.float32]]:
        """A generator's figures by itself, and its samples' distances to the nearest known: [count]."""
        count = len(self.wanted)
        began = time.perf_counter()
        pictures = generator.sample(count, self.seed, self.wanted if generator.conditional else None)
        seconds = time.perf_counter() - began
        features = features_of(self.judge, pictures)
        beliefs = probabilities_of(self.judge, features)
        precision, recall = precision_recall(self.test_features, features, NEIGHBOURS)
        nearest = nearest_distances(pictures, self.known)
        real = generator.kind == "real"
        row = {
            "name": generator.name,
            "kind": generator.kind,
            "frechet": frechet_distance(self.test_features, features),
            "precision": precision,
            "recall": recall,
            "wanted_digit": float((beliefs.argmax(1) == self.wanted).mean())
            if generator.conditional
            else None,
            "confidence": float(beliefs.max(1).mean()),
            "nearest_median": float(np.median(nearest)),
            "nearest_closest": float(np.quantile(nearest, CLOSEST)),
            "seconds_per_1000": None if real else seconds * 1000 / count,
            "training_seconds": None if real else generator.seconds,
        }
        return row, nearest


def judge_generators(
    generators: Sequence[Generator],
    judge: Judge,
    reals: NDArray[np.uint8],
    held_out: tuple[NDArray[np.uint8], NDArray[np.int64]],
    known: NDArray[np.uint8],
    count: int = 10_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure generators against test digits; the first row is held-out real digits, measured likewise.

    reals: the test digits, uint8 [n, 28, 28].
    held_out: other real digits, uint8 [m, 28, 28] and int64 [m], which neither the judge nor a generator
        learnt from. Conditional generators are asked for the same digits as these show, because digits
        in equal shares would be at a distance from real ones by that alone.
    known: what the generators learnt from, uint8 [k, 28, 28], without the held-out digits.
    count: samples of each, and test digits; as many as there are of both kinds of reals where those
        are fewer.

    Returns a report for JSON: `count`, `neighbours` (of precision and recall), `known` (how many),
    `seed`, and `rows`, each with the figures of `COLUMNS`, the judge's mean `confidence`, and
    `nearest_closest`, the distance that 1 % fall below. `frechet_ratio` and `copies` compare with the first
    row: `copies` is the share nearer to a known digit than the nearest 1 % of real ones are, so 1 % is
    what chance gives. Distances to the nearest known digit are from 0 to 1 a pixel. `wanted_digit` is
    None where digits cannot be wanted, and both times are None for real digits. All but the times is a
    function of the arguments.

    Raises:
        ValueError: held-out digits are among the known ones, or there are too few digits to measure.
    """
    images, labels = held_out
    count = min(count, len(reals), len(images))
    if count <= NEIGHBOURS:
        raise ValueError(f"{count} digits are too few to measure; give more test and held-out digits.")
    random = np.random.default_rng(seed)
    # Drawn, because MNIST's test digits are sorted: the first half's writers are the neater ones.
    tested = reals[random.permutation(len(reals))[:count]]
    wanted = labels[random.permutation(len(labels))[:count]]
    bench = Bench(judge, features_of(judge, tested), wanted, known, seed)

    standard, standard_nearest = bench.measure(real_digits(HELD_OUT, images, labels))
    border = standard["nearest_closest"]
    if border == 0:
        raise ValueError("Held-out digits are among the known ones, so that copies could not be told.")
    measured = [(standard, standard_nearest), *map(bench.measure, generators)]
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
    """A report of `judge_generators` as a Markdown table, a line for each generator; — is no figure."""
    headings = [heading for heading, _ in COLUMNS.values()]
    rules = ["---" if form == "s" else "--:" for _, form in COLUMNS.values()]
    cells = [
        ["—" if row[key] is None else format(row[key], form) for key, (_, form) in COLUMNS.items()]
        for row in report["rows"]
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in (headings, rules, *cells))


def save_grids(folder: Path, generators: Sequence[Generator], seed: int = 0) -> None:
    """Save each generator's wall of 10 x 10 samples as `NAME.png`; a conditional one's rows are 0 to 9.

    Raises:
        RunError: a file cannot be written.
    """
    digits = np.repeat(np.arange(CLASSES), WALL_SIDE)
    for generator in generators:
        pictures = generator.sample(len(digits), seed, digits if generator.conditional else None)
        save_grid(folder / f"{generator.name}.png", pictures, WALL_SIDE)
