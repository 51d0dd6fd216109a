"""Read synthetic photographs with the published models: `python -m tests.tools.photographs`.

Prints a table row by row: MNIST's digits, which must come back unchanged; photographs in every condition;
pens on a clean canvas; styles of digits; several digits, and pictures that must be refused; thin lines at
every phase. Digits are MNIST's test digits and those of the evaluation's writers; papers, lights, marks and
screens are the evaluation's.

A digit is *isolated* if `reason` is 0 and `box` agrees with the box of its ink: both, grown on each side by
5 % of the ink's longest side, overlap by at least 0.7 (intersection over union). It is *read* if it has the
highest of `digit_probabilities`, and *legible* if it is read from its ink alone. Of several digits, all are
*found* if each has a box of its own that overlaps by at least 0.5, and there are no other boxes. A digit that
is too small may also be read, and a picture without one may also be `not a digit` for what else it shows.
Exits with 1 where a row misses its goal; goals of isolating and reading are for legible digits.
"""

import argparse
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo.contract import DISCRIMINATOR, MODELS_FOLDER, REASONS
from demo.environment import available_cores
from demo.inference.engine import Engine
from train.data import mnist
from train.data.layouts import Digit
from train.data.pendigits import Drawing, draw, find_drawings
from train.data.photographs import CONDITIONS, Condition, Photograph, photograph
from train.data.styles import STYLES, styled
from train.normalize import BLANK, CUT_OFF, NONE, SEVERAL_DIGITS, TOO_SMALL
from train.processes import Workers

Pixels = NDArray[np.uint8]

AGREES: Final = 0.7
"""Least intersection over union of grown boxes of a digit that is isolated."""
GROWTH: Final = 0.05
FOUND: Final = 0.5
"""Least intersection over union of each box of several digits."""
PART: Final = 25
"""Pictures per call of a worker process."""
SHOWN: Final = 60
"""Pictures of a sheet."""


class Case(NamedTuple):
    """Photographs of one kind. reason: what must be answered. digits: `any`, `pens`, or one of `STYLES`."""

    group: str
    condition: Condition
    reason: int = NONE
    digits: str = "any"
    size: tuple[int, int] | None = None


EXPECTED: Final = {"several": SEVERAL_DIGITS, "cut off": CUT_OFF, "too small": TOO_SMALL, "blank": BLANK}
CANVAS: Final = replace(CONDITIONS["clean canvas"], width=(0.04, 0.12))
PENS: Final = {
    "pen, thin": replace(CANVAS, width=(0.004, 0.03)),
    "pen, thick": replace(CANVAS, width=(0.14, 0.22)),
    "pen, small": replace(CANVAS, longest=(0.155, 0.2)),
    "pen, hard brush": replace(CANVAS, hard=1.0),
    "pen, at the border": replace(CANVAS, layouts=("tight",)),
}


def all_cases() -> dict[str, Case]:
    """Return every case by name."""
    cases = {}
    for name, condition in CONDITIONS.items():
        reason = next((code for begin, code in EXPECTED.items() if name.startswith(begin)), NONE)
        cases[name] = Case("photographs" if reason == NONE else "refused", condition, reason)
    for name, condition in PENS.items():
        cases[name] = Case("pens on a clean canvas", condition, digits="pens", size=(280, 280))
    for name in STYLES:
        plain = replace(CONDITIONS["plain paper"], kinds=("photograph", "canvas"), width=(0.04, 0.2))
        cases[name] = Case("styles", plain, digits=name)
    return cases


CASES: Final = all_cases()


@dataclass(frozen=True)
class Pool:
    """Digits to photograph: MNIST's pictures with their labels, and pen strokes."""

    images: Pixels
    labels: NDArray[np.int64]
    drawings: Sequence[Drawing]

    def draw(self, kind: str, random: np.random.Generator) -> tuple[Digit, int]:
        """Draw a digit and its label; `any` is one of MNIST's, or of a writer's, or in another style."""
        if kind == "any":
            kind = random.choice(
                ["mnist", "pens", *STYLES], p=[0.4, 0.45, *[0.15 / len(STYLES)] * len(STYLES)]
            )
        if kind == "pens" and self.drawings:
            drawing = self.drawings[int(random.integers(len(self.drawings)))]
            return drawing, drawing.digit
        if kind in STYLES:
            drawing = styled(kind, "evaluation", random)
            return drawing, drawing.digit
        index = int(random.integers(len(self.images)))
        return self.images[index], int(self.labels[index])


@cache
def test_pool() -> Pool:
    digits = mnist.load("mnist", "test")
    return Pool(digits.images.numpy(), digits.labels.numpy(), find_drawings("evaluation"))


@dataclass(frozen=True)
class Answer:
    """What the models say about a picture."""

    pixels: Pixels
    box: tuple[int, ...]
    digit: int
    fake: bool
    not_a_digit: bool
    reason: int
    boxes: NDArray[np.int64]


@cache
def engine_of(models: Path) -> Engine:
    return Engine.load(models, "cpu", DISCRIMINATOR, threads=1)


def answer_of(engine: Engine, image: Pixels) -> Answer:
    """Return the answer to a picture, uint8 [height, width, channels]."""
    seen = engine.preprocess(np.ascontiguousarray(image))
    scores = engine.score(seen.pixels[None])
    assert scores.digit_probabilities is not None
    in_domain = 0.0 if seen.reason else float(scores.in_domain[0])
    verdict = engine.thresholds.verdict(float(scores.fake_probability[0]), in_domain)
    return Answer(
        seen.pixels,
        seen.box,
        int(scores.digit_probabilities[0].argmax()),
        verdict == "fake",
        verdict == "not a digit",
        REASONS.index(seen.reason),
        np.array(seen.boxes, np.int64).reshape(-1, 4),
    )


@dataclass(frozen=True)
class Outcome:
    """How a photograph fared.

    overlap: of the box with the true one, both grown; the smallest one of several digits. isolated: or, where
    a reason is expected, it is given. read: or all of several digits are found. legible: whether the digit is
    read from its ink alone, white on black; no normalizer can do much better.
    """

    index: int
    answer: Answer
    overlap: float
    isolated: bool
    read: bool
    legible: bool = False

    @property
    def right(self) -> bool:
        return self.isolated and self.read

    @property
    def wrong(self) -> bool:
        """Whether the normalizer is to blame."""
        return self.legible and not self.right


def taken(name: str, index: int, pool: Pool) -> tuple[Photograph, int]:
    """Return the photograph of this index of a case, and the label of its first digit, -1 without one."""
    case = CASES[name]
    random = np.random.default_rng((zlib.crc32(name.encode()), index))
    count = int(random.choice(case.condition.digits))
    drawn = [pool.draw(case.digits, random) for _ in range(count)]
    photo = photograph([digit for digit, _ in drawn], "evaluation", case.condition, random, case.size)
    return photo, drawn[0][1] if drawn else -1


def judged(reason: int, index: int, photo: Photograph, label: int, answer: Answer) -> Outcome:
    """Compare an answer with the truth; reason: the expected one."""
    isolated, overlap = answer.reason == reason, 0.0
    if reason in (NONE, TOO_SMALL):
        box = photo.boxes[int(photo.inside.argmax())]
        overlap = agreement(box, answer.box, GROWTH * max(box[2] - box[0], box[3] - box[1]))
        found = answer.reason == NONE and overlap >= AGREES
        isolated = found if reason == NONE else isolated or (found and label == answer.digit)
    elif reason == BLANK:
        isolated |= answer.reason == NONE and answer.not_a_digit
    else:
        overlap = matched(photo.boxes, answer.boxes)
    read = label == answer.digit if reason != SEVERAL_DIGITS else overlap >= FOUND
    return Outcome(index, answer, overlap, isolated, read)


def agreement(one: Sequence[int], other: Sequence[int], growth: float = 0) -> float:
    """Return the intersection over union of two boxes, each grown on all sides."""
    grow = np.array([-growth, -growth, growth, growth])
    first, second = np.asarray(one) + grow, np.asarray(other) + grow
    common = np.clip(np.minimum(first, second)[2:] - np.maximum(first, second)[:2], 0, None).prod()
    whole = (first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - common
    return float(common / whole) if whole else 0.0


def matched(true: NDArray[np.int64], found: NDArray[np.int64]) -> float:
    """Return the smallest overlap of true boxes and those found for them; 0 if their numbers differ."""
    if len(found) != len(true):
        return 0.0
    overlaps = np.array([[agreement(one, other) for other in found] for one in true])
    return float(min(overlaps.max(0).min(), overlaps.max(1).min()))


def outcomes_of(name: str, indices: range, folder: Path) -> list[Outcome]:
    """Photograph and answer; runs in a worker process."""
    engine, found = engine_of(folder), []
    for index in indices:
        photo, label = taken(name, index, test_pool())
        outcome = judged(CASES[name].reason, index, photo, label, answer_of(engine, photo.image))
        # Of one digit, without its neighbours.
        ink = answer_of(engine, (photo.ink * (photo.numbers == 1))[..., None])
        found.append(replace(outcome, legible=ink.digit == label))
    return found


@dataclass(frozen=True)
class Row:
    """A line of a table, and whether it misses a goal."""

    cells: tuple[str, ...]
    missed: bool = False


def show(rows: Sequence[Row], *heading: str) -> bool:
    """Print a table; return whether a goal is missed."""
    print(f"\n| {' | '.join(heading)} |\n|{'---|' * len(heading)}")
    for row in rows:
        print(f"| {' | '.join(row.cells)} |{' ← missed' if row.missed else ''}", flush=True)
    return any(row.missed for row in rows)


def single_row(name: str, outcomes: Sequence[Outcome]) -> Row:
    """Return the row of a case of complete single digits."""
    group = CASES[name].group
    fates = attrgetter("isolated", "read", "right", "legible", "wrong", "answer.fake", "answer.not_a_digit")
    means = 100 * np.mean([fates(each) for each in outcomes], 0)
    isolated, read, right, legible, wrong, fake, foreign = means.tolist()
    of_legible = 100 - 100 * wrong / max(legible, 1e-9)
    shares = (isolated, read, right, legible, of_legible, fake, foreign)
    missed = {
        "photographs": of_legible < 90 or fake > 3,
        "pens on a clean canvas": of_legible < 98,
        "styles": foreign > 0,
    }[group]
    figures = (f"{each:.1f}" for each in shares)
    return Row((name, str(len(outcomes)), *figures, given_reasons(outcomes)), missed)


def average_row(rows: Sequence[Row]) -> Row:
    """Return the average of rows of `single_row`."""
    averages = np.mean([[float(cell) for cell in row.cells[2:9]] for row in rows], 0)
    return Row(("average", "", *(f"{each:.1f}" for each in averages), ""), bool(averages[4] < 97))


def refused_row(name: str, outcomes: Sequence[Outcome]) -> Row:
    """Return the row of a case of several digits, or none that is complete and large enough."""
    reason = CASES[name].reason
    right, boxes = (100 * np.mean([(each.isolated, each.read) for each in outcomes], 0)).tolist()
    missed = right < 95 or (reason == SEVERAL_DIGITS and "touching" not in name and boxes < 95)
    shown = f"{boxes:.1f}" if reason == SEVERAL_DIGITS else ""
    cells = (name, str(len(outcomes)), str(REASONS[reason]), f"{right:.1f}", shown, given_reasons(outcomes))
    return Row(cells, missed)


def given_reasons(outcomes: Sequence[Outcome]) -> str:
    """Return the shares of reasons as text."""
    counts = Counter(each.answer.reason for each in outcomes)
    return ", ".join(
        f"{REASONS[code] or 'none'} {100 * counts[code] / len(outcomes):.1f}" for code in sorted(counts)
    )


def show_photographs(found: Mapping[str, Sequence[Outcome]]) -> bool:
    """Print the tables of all photographs, in percent; return whether a goal is missed."""
    missed = False
    for group in dict.fromkeys(CASES[name].group for name in found):
        names = [name for name in found if CASES[name].group == group]
        if group == "refused":
            rows = [refused_row(name, found[name]) for name in names]
            missed |= show(
                rows, group, "pictures", "expected", "reason right", "boxes right", "reasons given"
            )
            continue
        rows = [single_row(name, found[name]) for name in names]
        if group == "photographs":
            rows.append(average_row(rows))
        shares = ("isolated", "read", "both", "legible", "both of legible", "fake", "not a digit")
        missed |= show(rows, group, "pictures", *shares, "reasons given")
    return missed


MNIST_FORMS: Final[Mapping[str, Callable[[Pixels], Pixels]]] = {
    "as is": lambda digit: digit[..., None],
    "border": lambda digit: np.pad(digit, ((3, 40), (21, 5)))[..., None],
    "canvas": lambda digit: np.pad(digit, ((100, 152), (150, 102)))[..., None],
    "inverted": lambda digit: 255 - digit[..., None],
    "RGB": lambda digit: np.dstack([digit] * 3),
    "RGBA": lambda digit: np.dstack([digit] * 3 + [np.full_like(digit, 255)]),
}
UNCHANGED: Final = 9_996
"""How many of MNIST's 10,000 test digits must come back; the rest are not 20 long or not centred."""


def unchanged_of(start: int, stop: int, folder: Path) -> list[int]:
    """Count the digits that come back in each form, and those that a second pass leaves alone."""
    normalize, digits = engine_of(folder).normalize, test_pool().images[start:stop]
    once = [normalize(digit[..., None]) for digit in digits]
    same = [
        sum(np.array_equal(normalize(form(digit)), digit) for digit in digits)
        for form in MNIST_FORMS.values()
    ]
    return [*same, sum(np.array_equal(normalize(each[..., None]), each) for each in once)]


def show_mnist(workers: Workers, folder: Path) -> bool:
    """Print how many of MNIST's test digits come back unchanged; return whether it is too few."""
    count, step = len(test_pool().images), 500
    parts = workers.starmap(unchanged_of, [(start, start + step, folder) for start in range(0, count, step)])
    rows = [
        Row((name, f"{number:,} of {count:,}"), number < UNCHANGED)
        for name, number in zip([*MNIST_FORMS, "twice the same"], np.sum(parts, 0).tolist(), strict=True)
    ]
    return show(rows, "MNIST's test digits", "unchanged")


THIN: Final = {"1 px on 1,100 px": (1100, 1, 2), "3 px on 4,096 px": (4096, 3, 4)}
"""Side, line width, and phases along each axis."""


def thin_line(name: str, index: int, folder: Path) -> tuple[bool, float]:
    """Draw a digit at every phase: whether all are read right, and the largest mean difference of pixels."""
    side, width, phases = THIN[name]
    drawing = test_pool().drawings[index * 37 % len(test_pool().drawings)]
    canvas = np.pad(draw(drawing.strokes, side - phases, width, 0.1), ((0, phases), (0, phases)))
    answers = [
        answer_of(engine_of(folder), np.roll(canvas, (down, across), (0, 1))[..., None])
        for down in range(phases)
        for across in range(phases)
    ]
    apart = max(np.abs(each.pixels.astype(int) - answers[0].pixels).mean() for each in answers)
    return all(each.digit == drawing.digit for each in answers), float(apart)


def show_thin(workers: Workers, folder: Path, count: int) -> bool:
    """Print how thin lines are read; return whether phases differ."""
    rows = []
    for name, (_, _, phases) in THIN.items():
        found = workers.starmap(thin_line, [(name, index, folder) for index in range(count)])
        read, apart = 100 * np.mean([read for read, _ in found]), max(apart for _, apart in found)
        rows.append(Row((name, str(count), str(phases**2), f"{read:.1f}", f"{apart:.1f}"), bool(read < 98)))
    return show(rows, "thin lines", "digits", "phases", "read at all phases", "largest mean difference")


def save_sheet(name: str, outcomes: Sequence[Outcome], sheets: Path, pool: Pool) -> None:
    """Save photographs beside what the model saw, worst first; true boxes green, those used red."""
    side, tile = 168, (168 + 112 + 8, 168 + 24)
    worst = sorted(
        outcomes, key=lambda each: (each.right, each.isolated, not each.answer.not_a_digit, each.overlap)
    )
    columns = 5
    rows = -(-len(worst[:SHOWN]) // columns)
    sheet = Image.new("RGB", (columns * tile[0], rows * tile[1]), (90, 90, 90))
    pen = ImageDraw.Draw(sheet)
    for place, outcome in enumerate(worst[:SHOWN]):
        photo, label = taken(name, outcome.index, pool)
        answer = outcome.answer
        image = Image.fromarray(photo.image)
        scale = side / max(image.size)
        shown = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        boxes = ImageDraw.Draw(shown)
        coloured = [(photo.boxes, "lime"), (answer.boxes, "red")]
        for each, colour in [(box, colour) for boxes, colour in coloured for box in boxes.tolist()]:
            top, left, bottom, right = (round(value * scale) for value in each)
            boxes.rectangle((left, top, max(right, left), max(bottom, top)), None, colour)
        x, y = place % columns * tile[0], place // columns * tile[1]
        sheet.paste(shown, (x, y))
        sheet.paste(
            Image.fromarray(answer.pixels).resize((112, 112), Image.Resampling.NEAREST), (x + side + 4, y)
        )
        verdict = "not a digit" if answer.not_a_digit else "fake" if answer.fake else "not fake"
        reason = f", {REASONS[answer.reason]}" if answer.reason else ""
        mark = "" if outcome.right else "WRONG: "
        pen.text(
            (x + 2, y + side), f"{mark}{label} read as {answer.digit}, {verdict}{reason}, #{outcome.index}"
        )
    sheet.save(sheets / f"{name.replace(' ', '-').replace(',', '')}.png")


def main() -> int:
    """Print the tables; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.photographs", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="photographs of each kind (default: 200)")
    parser.add_argument("--sheet", type=Path, help="folder for a sheet of each kind, worst first")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="folder (default: the demo's)")
    parser.add_argument("--only", help="only photographs of kinds whose names contain this")
    parsed = parser.parse_args()
    folder, count = parsed.models.resolve(), parsed.count
    names = [name for name in CASES if (parsed.only or "") in name]
    with Workers(available_cores()) as workers:
        missed = not parsed.only and show_mnist(workers, folder)
        calls = [
            (name, range(start, min(start + PART, count)), folder)
            for name in names
            for start in range(0, count, PART)
        ]
        found: dict[str, list[Outcome]] = {name: [] for name in names}
        for (name, *_), outcomes in zip(calls, workers.starmap(outcomes_of, calls), strict=True):
            found[name] += outcomes
        missed |= show_photographs(found)
        if not parsed.only:
            missed |= show_thin(workers, folder, max(count // 10, 1))
        if parsed.sheet:
            parsed.sheet.mkdir(parents=True, exist_ok=True)
            for name in names:
                save_sheet(name, found[name], parsed.sheet, test_pool())
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
