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
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from demo.contract import (
    BOX,
    BOXES,
    DIGIT_PROBABILITIES,
    FAKE_PROBABILITY,
    FROM_IMAGE,
    IMAGE,
    IN_DOMAIN,
    MODELS_FOLDER,
    NORMALIZER,
    PIXELS,
    REASON,
    REASONS,
)
from demo.environment import available_cores
from demo.inference.sessions import CPU, open_session
from export.benchmark.any_image import photograph as benchmark_photograph
from export.benchmark.harness import in_turn, microseconds
from tests.support.serving import ROOT
from train.data import mnist
from train.data.layouts import Digit
from train.data.pendigits import Drawing, draw, find_drawings
from train.data.photographs import CONDITIONS, Condition, Photograph, photograph
from train.data.styles import STYLES, styled
from train.processes import Workers

Pixels = NDArray[np.uint8]

NONE, BLANK, SEVERAL, TOO_SMALL, CUT_OFF = range(5)
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


EXPECTED: Final = {
    "several": SEVERAL,
    "cut off": CUT_OFF,
    "too small": TOO_SMALL,
    "blank": BLANK,
}
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
    """What the models say about a picture. reason, boxes: None before version 2 of the normalizer."""

    pixels: Pixels
    box: tuple[int, ...]
    digit: int
    fake: bool
    not_a_digit: bool
    reason: int | None
    boxes: NDArray[np.int64] | None


class Models:
    """The any-image discriminator, and the normalizer for the box."""

    def __init__(self, folder: Path) -> None:
        self.normalizer, self.discriminator = (
            open_session(name, (folder / f"{name}.onnx").read_bytes(), [CPU], threads=1)
            for name in (NORMALIZER, FROM_IMAGE)
        )
        metadata = self.discriminator.get_modelmeta().custom_metadata_map
        self.fake, self.in_domain = (float(metadata[f"{each}_threshold"]) for each in ("fake", "in_domain"))

    def normalize(self, image: Pixels) -> Pixels:
        (pixels,) = self.normalizer.run([PIXELS], {IMAGE: np.ascontiguousarray(image)})
        return pixels[0]  # type: ignore[no-any-return]

    def answer(self, image: Pixels) -> Answer:
        """Return the answer to a picture, uint8 [height, width, channels]."""
        found = outputs(self.normalizer, image)
        scores = outputs(self.discriminator, image)
        foreign = bool(scores[IN_DOMAIN][0] < self.in_domain)
        return Answer(
            found[PIXELS][0],
            tuple(found[BOX].tolist()),
            int(scores[DIGIT_PROBABILITIES][0].argmax()),
            not foreign and bool(scores[FAKE_PROBABILITY][0] >= self.fake),
            foreign,
            int(found[REASON][0]) if REASON in found else None,
            found.get(BOXES),
        )


def outputs(session: Any, image: Pixels) -> dict[str, Any]:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {IMAGE: np.ascontiguousarray(image)}), strict=True))


@cache
def models_of(folder: Path) -> Models:
    return Models(folder)


@dataclass(frozen=True)
class Outcome:
    """How a photograph fared.

    overlap: of the box with the true one, both grown; the smallest one of several digits. isolated: or, where
    a reason is expected, it is given. read: or all of several digits are found. legible: whether the digit is
    read from its ink alone, white on black; no normalizer can do much better.
    """

    index: int
    reason: int | None
    overlap: float
    isolated: bool
    read: bool
    fake: bool
    not_a_digit: bool
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
    given = answer.reason or NONE
    isolated, overlap = given == reason, 0.0
    if reason in (NONE, TOO_SMALL):
        box = photo.boxes[int(photo.inside.argmax())]
        overlap = agreement(box, answer.box, GROWTH * max(box[2] - box[0], box[3] - box[1]))
        found = given == NONE and overlap >= AGREES
        isolated = found if reason == NONE else isolated or (found and label == answer.digit)
    elif reason == BLANK:
        isolated |= given == NONE and answer.not_a_digit
    else:
        overlap = matched(photo.boxes, answer.boxes)
    read = label == answer.digit if reason != SEVERAL else overlap >= FOUND
    return Outcome(index, answer.reason, overlap, isolated, read, answer.fake, answer.not_a_digit)


def agreement(one: Sequence[int], other: Sequence[int], growth: float = 0) -> float:
    """Return the intersection over union of two boxes, each grown on all sides."""
    grow = np.array([-growth, -growth, growth, growth])
    first, second = np.asarray(one) + grow, np.asarray(other) + grow
    common = np.clip(np.minimum(first, second)[2:] - np.maximum(first, second)[:2], 0, None).prod()
    whole = (first[2:] - first[:2]).prod() + (second[2:] - second[:2]).prod() - common
    return float(common / whole) if whole else 0.0


def matched(true: NDArray[np.int64], found: NDArray[np.int64] | None) -> float:
    """Return the smallest overlap of true boxes and those found for them; 0 if their numbers differ."""
    if found is None or len(found) != len(true):
        return 0.0
    overlaps = np.array([[agreement(one, other) for other in found] for one in true])
    return float(min(overlaps.max(0).min(), overlaps.max(1).min()))


def outcomes_of(name: str, indices: range, folder: Path) -> list[Outcome]:
    """Photograph and answer; runs in a worker process."""
    models, found = models_of(folder), []
    for index in indices:
        photo, label = taken(name, index, test_pool())
        outcome = judged(CASES[name].reason, index, photo, label, models.answer(photo.image))
        # Of one digit, without its neighbours.
        ink = models.answer((photo.ink * (photo.numbers == 1))[..., None])
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


def share(outcomes: Sequence[Outcome], what: str) -> float:
    """Return the share of outcomes with a property, in percent."""
    return 100 * float(np.mean([getattr(each, what) for each in outcomes]))


def single_row(name: str, outcomes: Sequence[Outcome]) -> Row:
    """Return the row of a case of complete single digits."""
    group = CASES[name].group
    properties = ("isolated", "read", "right", "legible", "fake", "not_a_digit")
    isolated, read, right, legible, fake, foreign = (share(outcomes, what) for what in properties)
    of_legible = 100 - 100 * share(outcomes, "wrong") / max(legible, 1e-9)
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
    reason, right, boxes = CASES[name].reason, share(outcomes, "isolated"), share(outcomes, "read")
    missed = right < 95 or (reason == SEVERAL and "touching" not in name and boxes < 95)
    shown = f"{boxes:.1f}" if reason == SEVERAL else ""
    cells = (name, str(len(outcomes)), str(REASONS[reason]), f"{right:.1f}", shown, given_reasons(outcomes))
    return Row(cells, missed)


def given_reasons(outcomes: Sequence[Outcome]) -> str:
    """Return the shares of reasons as text."""
    if any(each.reason is None for each in outcomes):
        return "the models have no output `reason`"
    counts = Counter(each.reason or NONE for each in outcomes)
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
    models, digits = models_of(folder), test_pool().images[start:stop]
    once = [models.normalize(digit[..., None]) for digit in digits]
    same = [
        sum(np.array_equal(models.normalize(form(digit)), digit) for digit in digits)
        for form in MNIST_FORMS.values()
    ]
    return [*same, sum(np.array_equal(models.normalize(each[..., None]), each) for each in once)]


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
        models_of(folder).answer(np.roll(canvas, (down, across), (0, 1))[..., None])
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


def save_sheet(name: str, outcomes: Sequence[Outcome], sheets: Path, models: Models, pool: Pool) -> None:
    """Save photographs beside what the model saw, worst first; true boxes green, those used red."""
    side, tile = 168, (168 + 112 + 8, 168 + 24)
    worst = sorted(outcomes, key=lambda each: (each.right, each.isolated, not each.not_a_digit, each.overlap))
    columns = 5
    rows = -(-len(worst[:SHOWN]) // columns)
    sheet = Image.new("RGB", (columns * tile[0], rows * tile[1]), (90, 90, 90))
    pen = ImageDraw.Draw(sheet)
    for place, outcome in enumerate(worst[:SHOWN]):
        photo, label = taken(name, outcome.index, pool)
        answer = models.answer(photo.image)
        image = Image.fromarray(photo.image)
        scale = side / max(image.size)
        shown = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
        boxes = ImageDraw.Draw(shown)
        found = [answer.box] if answer.boxes is None else answer.boxes.tolist()
        for each, colour in [(box, "lime") for box in photo.boxes.tolist()] + [(box, "red") for box in found]:
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


def show_costs(folder: Path, against: Path) -> bool:
    """Compare this normalizer with another: time in turn, memory in fresh processes."""
    paths = {"other": against, "this": folder / f"{NORMALIZER}.onnx"}
    sessions = {
        name: open_session(NORMALIZER, path.read_bytes(), [CPU], threads=1) for name, path in paths.items()
    }
    drawing = draw(test_pool().drawings[0].strokes, 280, 22)
    tasks = {
        "28x28": (test_pool().images[0][..., None], 300, 1.2),
        "640x480": (benchmark_photograph(drawing), 5, 1.7),
    }
    rows = []
    for task, (picture, repeats, most) in tasks.items():
        calls = {
            name: microseconds(partial(session.run, None, {IMAGE: picture}), repeats)
            for name, session in sessions.items()
        }
        samples = in_turn(calls, 15)
        other, this = (float(np.median(samples[name])) for name in paths)
        ratio = float(np.median(np.divide(samples["this"], samples["other"])))
        rows.append(Row((task, f"{other:.0f} µs", f"{this:.0f} µs", f"{ratio:.2f}"), ratio > most))
    other, this = (memory(path) for path in paths.values())
    cells = (
        "8192x8192, memory beside the picture",
        f"{other:.0f} MB",
        f"{this:.0f} MB",
        f"{this / other:.2f}",
    )
    rows.append(Row(cells, this > MOST_MEMORY))
    return show(rows, "normalizer.onnx", "other", "this", "ratio")


MOST_MEMORY: Final = 100
"""MB beside a picture of 8192x8192."""
PROGRAM: Final = """
import os, sys, numpy as np
from pathlib import Path
from demo.inference.sessions import CPU, open_session
from tests.support.processes import peak_mebibytes
session = open_session("normalizer", Path(sys.argv[1]).read_bytes(), [CPU], threads=1)
image = np.full((8192, 8192, 3), 255, np.uint8)
image[2000:6000, 3000:3200] = image[2000:2200, 3000:5000] = 0
before = peak_mebibytes(os.getpid())
session.run(None, {"image": image})
print(peak_mebibytes(os.getpid()) - before)
"""


def memory(path: Path) -> float:
    """Return how many MB a picture of 8192x8192 takes beside itself, in a fresh process."""
    command = [sys.executable, "-c", PROGRAM, str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return float(output) * 2**20 / 1e6


def main() -> int:
    """Print the tables; return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.photographs", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="photographs of each kind (default: 200)")
    parser.add_argument("--sheet", type=Path, help="folder for a sheet of each kind, worst first")
    parser.add_argument("--models", type=Path, default=MODELS_FOLDER, help="folder (default: the demo's)")
    parser.add_argument("--against", type=Path, help="a normalizer.onnx to compare time and memory with")
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
                save_sheet(name, found[name], parsed.sheet, models_of(folder), test_pool())
    if parsed.against:
        missed |= show_costs(folder, parsed.against)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
