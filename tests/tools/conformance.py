"""The conformance matrix: every picture of the pack through every runtime and entry point.

`python -m tests.tools.conformance` prints it as a Markdown table. Each cell shows the difference of the logit
from the expected one (0: identical) and, after a slash, how many of the 784 pixels differ. Entry points that
return no pixels have no slash; `-` is a format that one cannot read. The probabilities of the digits are
compared too, if the model has them.
"""

import argparse
import base64
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from gradio_client import Client, handle_file
from numpy.typing import NDArray
from playwright.sync_api import sync_playwright

from demo.contract import (
    DIGIT_PROBABILITIES,
    FAKE_PROBABILITY,
    FROM_IMAGE,
    IMAGE,
    IN_DOMAIN,
    LOGIT,
    PIXELS,
)
from demo.decoder.images import load_picture
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.static_page.assemble import assemble_page
from export.benchmark.chromium import CHROMIUM_FLAGS, find_browser
from export.benchmark.harness import current_commit, machine
from export.benchmark.static import serving
from export.cards import AGREEMENT
from export.conformance import CONFORMANCE_FOLDER, EXPECTED
from tests.support.node import copy_programs
from tests.support.serving import served_app

ROOT = Path(__file__).parents[2]
AGREEMENT_FILE = CONFORMANCE_FOLDER / AGREEMENT
LONGEST_PAGE_MILLISECONDS = 300_000


@dataclass(frozen=True)
class Cell:
    """The difference between the answer of an interface (a runtime or entry point) and the expected one.

    logit: absolute difference, NaN if the picture could not be read.
    pixels: how many differ, and the largest difference in levels; None if no pixels are returned.
    digits: the largest difference of a digit's probability, NaN if it is missing; None if none is expected.
    """

    file: str
    interface: str
    logit: float
    pixels: tuple[int, int] | None
    verdict_same: bool
    digits: float | None = None

    def text(self) -> str:
        """Return the cell as the table shows it."""
        if math.isnan(self.logit):
            return "-"
        number = "0" if self.logit == 0 else f"{self.logit:.0e}"
        return number if self.pixels is None else f"{number} / {self.pixels[0]}"


class Pack:
    """The pack's pictures and what is expected of them."""

    def __init__(self, folder: Path) -> None:
        content = json.loads((folder / EXPECTED).read_text())
        self.sha256: str = content["sha256"]
        self.tolerance: dict[str, float] = content["tolerance"]
        self.pictures: list[dict[str, Any]] = content["pictures"]
        self.paths = [folder / row["file"] for row in self.pictures]
        self.arrays: list[NDArray[np.uint8]] = [load_picture(path).array for path in self.paths]

    def cell(
        self,
        index: int,
        interface: str,
        logit: float,
        verdict: str,
        pixels: NDArray[np.uint8] | None = None,
        digits: float | None = None,
    ) -> Cell:
        """Compare one answer with what is expected. digits: from `digits_apart`."""
        expected = self.pictures[index]
        difference = None
        if pixels is not None:
            wanted = np.frombuffer(base64.b64decode(expected["pixels"]), np.uint8)
            apart = np.abs(pixels.ravel().astype(int) - wanted)
            difference = (int(np.count_nonzero(apart)), int(apart.max()))
        same = verdict == expected["verdict"]
        return Cell(expected["file"], interface, abs(logit - expected["logit"]), difference, same, digits)

    def digits_apart(self, index: int, found: NDArray[np.float32] | None) -> float | None:
        """Return the largest difference of the digits' probabilities, float32 [10], as in `Cell`."""
        expected = self.pictures[index].get(DIGIT_PROBABILITIES)
        if expected is None:
            return None
        return math.nan if found is None else float(np.abs(found - np.array(expected)).max())

    def reading_apart(self, index: int, digit: int | None, probability: float | None) -> float | None:
        """Return the same for an answer, which has only the likeliest digit and its probability."""
        expected = self.pictures[index].get(DIGIT_PROBABILITIES)
        if expected is None:
            return None
        if digit is None or probability is None:
            return math.nan
        # If two digits are equally likely, the answer may name either.
        return float(abs(probability - expected[digit]) + max(expected) - expected[digit])


def python_cells(pack: Pack, engine: Engine) -> Iterator[Cell]:
    """Yield the cells of the any-picture file, then of its two halves in batches of 1, 7 and 64."""
    session = onnxruntime.InferenceSession(engine.manifest.folder / f"{FROM_IMAGE}.onnx")
    names = [each.name for each in session.get_outputs()]
    for index, array in enumerate(pack.arrays):
        found = {name: each[0] for name, each in zip(names, session.run(names, {IMAGE: array}), strict=True)}
        verdict = engine.thresholds.verdict(float(found[FAKE_PROBABILITY]), float(found[IN_DOMAIN]))
        digits = pack.digits_apart(index, found.get(DIGIT_PROBABILITIES))
        yield pack.cell(index, "Python: array", float(found[LOGIT]), verdict, found[PIXELS], digits)
    seen = np.stack([engine.normalize(array) for array in pack.arrays])
    for batch in (1, 7, 64):
        for start in range(0, len(seen), batch):
            scores = engine.score(np.resize(seen[start : start + batch], (batch, 28, 28)))
            for offset in range(min(batch, len(seen) - start)):
                logit = float(scores.logit[offset])
                verdict = engine.thresholds.verdict(
                    float(scores.fake_probability[offset]), float(scores.in_domain[offset])
                )
                read = None if scores.digit_probabilities is None else scores.digit_probabilities[offset]
                index = start + offset
                digits = pack.digits_apart(index, read)
                yield pack.cell(index, f"batch {batch}", logit, verdict, seen[index], digits)


def answer_cells(pack: Pack, interface: str, answers: Sequence[dict[str, Any]]) -> Iterator[Cell]:
    """Yield the cells of answers, which are in the order of the pack."""
    for index, answer in enumerate(answers):
        digits = pack.reading_apart(index, answer["digit"], answer["digit_probability"])
        yield pack.cell(index, interface, answer["logit"], answer["verdict"], digits=digits)


def cells_here(pack: Pack, engine: Engine, address: str) -> list[Cell]:
    """Return the cells of Python: the model files, the command line, and an app with the same models."""
    command = [sys.executable, "-m", "demo", "check", "--device", "cpu", "--json"]
    command += ["--models", str(engine.manifest.folder), *map(str, pack.paths)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    client = Client(address, verbose=False)
    answers = client.predict([handle_file(path) for path in pack.paths], api_name="/check_many")
    client.close()
    return [
        *python_cells(pack, engine),
        *answer_cells(pack, "command line", [json.loads(line) for line in output.splitlines()]),
        *answer_cells(pack, "app's API", answers),
    ]


def cells_elsewhere(pack: Pack, browser: str, models: Path) -> list[Cell]:
    """Return the cells of Node and of a browser, from `demo/snippets/node/` and `demo/static_page/`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(pack.paths[0].parent, Path(temporary) / "pack"))
        # Raw pixels, to compare the models without the decoders.
        (folder / "arrays").mkdir()
        for path, array in zip(pack.paths, pack.arrays, strict=True):
            (folder / "arrays" / f"{path.name}.bin").write_bytes(array.tobytes())
        return [
            *reported_cells(pack, "Node", node_report(folder, models)),
            *reported_cells(pack, "browser", browser_report(folder, browser, models)),
        ]


def reported_cells(pack: Pack, runtime: str, report: Sequence[dict[str, Any]]) -> Iterator[Cell]:
    """Yield the cells of a report as `compare.mjs` writes it."""
    wanted = {row["file"]: row["verdict"] for row in pack.pictures}
    for each in report:
        file, interface = each["file"], f"{runtime}: {each['input']}"
        if "error" in each:
            yield Cell(file, interface, math.nan, None, False)
            continue
        pixels = (each["pixels_differing"], each["pixels_worst"])
        same = each["verdict"] == wanted[file]
        yield Cell(file, interface, each["logit_difference"], pixels, same, each["digit_difference"])


def node_report(pack: Path, models: Path) -> list[dict[str, Any]]:
    """Return the report of Node's runner on a pack (pictures, `expected.json`, `arrays/`)."""
    with tempfile.TemporaryDirectory() as folder:
        programs = copy_programs(Path(folder))
        command = ["node", "conformance.mjs", str(pack), str(models / f"{FROM_IMAGE}.onnx")]
        output = subprocess.run(command, cwd=programs, capture_output=True, text=True, check=True).stdout
    report: list[dict[str, Any]] = json.loads(output)
    return report


def browser_report(pack: Path, browser: str, models: Path) -> list[dict[str, Any]]:
    """Return the report of the static page's runner on a pack, in a Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        page_folder = Path(folder) / "page"
        assemble_page(page_folder, models)
        shutil.copytree(pack, page_folder / "conformance")
        with serving(page_folder) as served, sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser, args=CHROMIUM_FLAGS)
            page = chromium.new_page()
            page.goto(f"{served.address}conformance.html")
            done = page.locator("#report[data-done]")
            done.wait_for(state="attached", timeout=LONGEST_PAGE_MILLISECONDS)
            report: list[dict[str, Any]] = json.loads(done.inner_text())
            chromium.close()
    return report


def held(pack: Pack, cells: Sequence[Cell]) -> list[Cell]:
    """Return the cells that must agree: arrays in every runtime, and opaque 8-bit PNGs everywhere.

    Node and browsers decode other formats on their own; the table shows those cells.
    """
    plain = {row["file"] for row in pack.pictures if row["opaque_8_bit_png"]}
    foreign = ("Node: file", "browser: file")
    return [cell for cell in cells if cell.interface not in foreign or cell.file in plain]


def disagreements(pack: Pack, cells: Sequence[Cell]) -> list[str]:
    """Return a line for each cell outside the pack's tolerance."""
    limits = pack.tolerance
    lines = [
        f"{cell.file} by {cell.interface}: logit {cell.logit:.3g}, pixels {cell.pixels}, "
        f"digits {cell.digits}, verdict {'the same' if cell.verdict_same else 'another'}"
        for cell in held(pack, cells)
        if not (
            cell.logit <= limits["logit"]
            and (cell.pixels or (0, 0))[1] <= limits["pixel_levels"]
            and (cell.digits is None or cell.digits <= limits[DIGIT_PROBABILITIES])
            and cell.verdict_same
        )
    ]
    for interface in dict.fromkeys(cell.interface for cell in cells):
        counts = [cell.pixels[0] for cell in held(pack, cells) if cell.interface == interface and cell.pixels]
        if sum(counts) > limits["pixel_share"] * 784 * max(len(counts), 1):
            lines.append(f"{interface}: {sum(counts)} pixels of {784 * len(counts)} differ")
    return lines


def table(pack: Pack, cells: Sequence[Cell]) -> str:
    """Return the table: a row per picture, a column per interface."""
    interfaces = list(dict.fromkeys(cell.interface for cell in cells))
    found = {(cell.file, cell.interface): cell for cell in cells}
    lines = [f"| picture | {' | '.join(interfaces)} |", "|---" * (len(interfaces) + 1) + "|"]
    for row in pack.pictures:
        texts = [found[row["file"], interface].text() for interface in interfaces]
        lines.append(f"| {row['file']} | {' | '.join(texts)} |")
    return "\n".join(lines)


def agreement(pack: Pack, cells: Sequence[Cell]) -> dict[str, Any]:
    """Return each interface's worst over all pictures that it can read, as the pack's README shows it."""
    interfaces = []
    for interface in dict.fromkeys(cell.interface for cell in cells):
        read = [cell for cell in cells if cell.interface == interface and not math.isnan(cell.logit)]
        pixels = [cell.pixels[0] for cell in read if cell.pixels is not None]
        interfaces.append(
            {
                "way": interface,
                "pictures": len(read),
                "unreadable": len(pack.pictures) - len(read),
                "logit": max(cell.logit for cell in read),
                "pixels": sum(pixels) if pixels else None,
                "verdicts": sum(not cell.verdict_same for cell in read),
            }
        )
    return {
        "sha256": pack.sha256,
        "commit": current_commit(),
        "machine": machine()["processor"],
        "ways": interfaces,
    }


def main() -> int:
    """Print the matrix; return 1 if something that must agree does not."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.conformance", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write each worst to {AGREEMENT_FILE}")
    parsed = parser.parse_args()
    browser = find_browser()
    if browser is None:
        print("No Chromium; install one with: python -m playwright install chromium", file=sys.stderr)
        return 1
    pack = Pack(CONFORMANCE_FOLDER)
    with served_app("--models", str(MODELS_FOLDER)) as address:
        here = cells_here(pack, Engine.load(MODELS_FOLDER, "cpu"), address)
    cells = [*here, *cells_elsewhere(pack, browser, MODELS_FOLDER)]
    print(table(pack, cells))
    if parsed.save:
        AGREEMENT_FILE.write_text(json.dumps(agreement(pack, cells), indent=1) + "\n", encoding="utf-8")
    lines = disagreements(pack, cells)
    print("\n".join(lines), file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
