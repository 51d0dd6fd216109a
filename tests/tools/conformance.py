"""The conformance matrix: every picture of the pack through every runtime and entry point.

`python -m tests.tools.conformance` prints it as a Markdown table. Each cell shows the difference of the logit
from the expected one (0: identical) and, after a slash, how many of the 784 pixels differ. Entry points that
return no pixels have no slash. The probabilities of the digits are compared too, if the model has them.
"""

import argparse
import base64
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client, handle_file
from numpy.typing import NDArray

from demo.contract import DIGIT_PROBABILITIES, FROM_IMAGE
from demo.decoder.images import load_picture
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.sessions import CPU, open_session
from demo.static_page.assemble import assemble_page
from export.benchmark.chromium import chromium
from export.benchmark.harness import current_commit, machine
from export.benchmark.servers import serving
from export.cards import AGREEMENT
from export.conformance import CONFORMANCE_FOLDER, EXPECTED, expected_row
from tests.support.node import copy_programs
from tests.support.serving import ROOT, served_app

AGREEMENT_FILE = CONFORMANCE_FOLDER / AGREEMENT
EXACT = ("verdict", "reason", "boxes")
"""What must be the expected, where an interface returns it."""
LONGEST_PAGE_MILLISECONDS = 300_000


@dataclass(frozen=True)
class Cell:
    """The difference between the answer of an interface (a runtime or entry point) and the expected one.

    logit: absolute difference, NaN if there is no answer.
    verdict_same: whether the verdict and its reason, and the boxes if returned, are the expected ones.
    pixels: how many differ, and the largest difference in levels; None if no pixels are returned.
    digits: the largest difference of a digit's probability, NaN if it is missing; 0 if none is expected.
    refused: the picture was refused with a reason.
    """

    file: str
    interface: str
    logit: float = math.nan
    pixels: tuple[int, int] | None = None
    verdict_same: bool = False
    digits: float = 0.0
    refused: bool = False

    def text(self) -> str:
        """Return the cell as the table shows it."""
        if math.isnan(self.logit):
            return "refused" if self.refused else "failed"
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
        self.arrays: dict[str, NDArray[np.uint8]] = {
            row["file"]: load_picture(folder / row["file"]).array
            for row in self.pictures
            if "error" not in row
        }

    def cells(self, interface: str, answers: Sequence[Mapping[str, Any]]) -> list[Cell]:
        """Compare answers, one for each picture, with what is expected.

        They have `logit`, `verdict`, and the digits' probabilities or the likeliest `digit` and its
        probability; `pixels`, in base64, only where an interface returns them. Where a picture is refused,
        they have `error`.
        """
        found = []
        for expected, answer in zip(self.pictures, answers, strict=True):
            if answer.get("error") or "error" in expected:
                found.append(Cell(expected["file"], interface, refused=bool(answer.get("error"))))
                continue
            pixels = None
            if "pixels" in answer:
                one, other = (
                    np.frombuffer(base64.b64decode(each["pixels"]), np.uint8).astype(int)
                    for each in (expected, answer)
                )
                pixels = (int(np.count_nonzero(one - other)), int(np.abs(one - other).max()))
            same = all(answer.get(key, expected[key]) == expected[key] for key in EXACT)
            logit, apart = 0.0, 0.0
            # An entry point gives no score for what is not a digit.
            if expected["reason"] is None or answer["logit"] is not None:
                logit = math.inf if answer["logit"] is None else abs(answer["logit"] - expected["logit"])
                apart = digits_apart(expected, answer)
            found.append(Cell(expected["file"], interface, logit, pixels, same, apart))
        return found


def digits_apart(expected: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Return the largest difference of the digits' probabilities, as in `Cell`."""
    wanted = expected.get(DIGIT_PROBABILITIES)
    if wanted is None:
        return 0.0
    if (found := answer.get(DIGIT_PROBABILITIES)) is not None:
        return float(np.abs(np.subtract(found, wanted)).max())
    if (digit := answer.get("digit")) is None:
        return math.nan
    # If two digits are equally likely, the answer may name either.
    return float(abs(answer["digit_probability"] - wanted[digit]) + max(wanted) - wanted[digit])


def cells_here(pack: Pack, engine: Engine, address: str) -> list[Cell]:
    """Return the cells of Python: the any-picture file, the command line, and an app with the same models."""
    session = open_session(FROM_IMAGE, engine.manifest.read(f"{FROM_IMAGE}.onnx"), [CPU])
    rows = [expected_row(engine, session, path.name, path.read_bytes()) for path in pack.paths]
    command = [sys.executable, "-m", "demo", "check", "--device", "cpu", "--json"]
    command += ["--models", str(engine.manifest.folder), *map(str, pack.paths)]
    # The exit code is 1 because some pictures are refused.
    output = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout
    client = Client(address, verbose=False)
    answers = client.predict([handle_file(path) for path in pack.paths], api_name="/check_many")
    client.close()
    return [
        *pack.cells("Python: array", rows),
        *pack.cells("command line", [json.loads(line) for line in output.splitlines()]),
        *pack.cells("app's API", answers),
    ]


def cells_elsewhere(pack: Pack, models: Path) -> list[Cell]:
    """Return the cells of Node and of a browser, from `demo/snippets/node/` and `demo/static_page/`."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(pack.paths[0].parent, Path(temporary) / "pack"))
        # Raw pixels, to compare the models without the decoders.
        (folder / "arrays").mkdir()
        for file, array in pack.arrays.items():
            (folder / "arrays" / f"{file}.bin").write_bytes(array.tobytes())
        return [
            *reported_cells(pack, "Node", node_report(folder, models)),
            *reported_cells(pack, "browser", browser_report(folder, models)),
        ]


def reported_cells(pack: Pack, runtime: str, report: str) -> Iterator[Cell]:
    """Yield the cells of a report as `compare.mjs` writes it."""
    wanted = {row["file"]: row for row in pack.pictures}
    for each in json.loads(report):
        file, interface = each["file"], f"{runtime}: {each['input']}"
        if "error" in each:
            yield Cell(file, interface, refused=each["refused"])
            continue
        pixels = (each["pixels_differing"], each["pixels_worst"])
        same = all(each[key] == wanted[file][key] for key in EXACT)
        digits = each["digit_difference"]
        if digits is None:
            digits = math.nan if DIGIT_PROBABILITIES in pack.tolerance else 0.0
        yield Cell(file, interface, each["logit_difference"], pixels, same, digits)


def node_report(pack: Path, models: Path) -> str:
    """Return the report of Node's runner on a pack (pictures, `expected.json`, `arrays/`)."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["node", "conformance.mjs", str(pack), str(models / f"{FROM_IMAGE}.onnx")]
        programs = copy_programs(Path(folder))
        return subprocess.run(command, cwd=programs, capture_output=True, text=True, check=True).stdout


def browser_report(pack: Path, models: Path) -> str:
    """Return the report of the static page's runner on a pack, in a Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        page_folder = Path(folder) / "page"
        assemble_page(page_folder, models)
        shutil.copytree(pack, page_folder / "conformance")
        with serving(page_folder) as served, chromium() as browser:
            page = browser.new_page()
            page.goto(f"{served.address}conformance.html")
            done = page.locator("#report[data-done]")
            done.wait_for(state="attached", timeout=LONGEST_PAGE_MILLISECONDS)
            return done.inner_text()


def disagreements(pack: Pack, cells: Sequence[Cell]) -> list[str]:
    """Return a line for each cell outside the pack's tolerance, and for each interface with many pixels.

    A picture that must be refused agrees if it is, and so does one that a runtime's decoder cannot read as
    the others do; any other must be read.
    """
    limits = pack.tolerance
    rows = {row["file"]: row for row in pack.pictures}
    lines = []
    for cell in cells:
        row = rows[cell.file]
        runtime, _, given = cell.interface.partition(": ")
        refused = "error" in row or (given == "file" and runtime in row.get("refused_by", ()))
        if cell.refused != refused:
            wanted = "to be refused" if refused else "to be read"
            lines.append(f"{cell.file} by {cell.interface}: {cell.text()}, but is {wanted}")
        elif not refused and not (
            cell.logit <= limits["logit"]
            and (cell.pixels or (0, 0))[1] <= limits["pixel_levels"]
            and cell.digits <= limits.get(DIGIT_PROBABILITIES, 0.0)
            and cell.verdict_same
        ):
            lines.append(
                f"{cell.file} by {cell.interface}: logit {cell.logit:.3g}, pixels {cell.pixels}, "
                f"digits {cell.digits}, verdict {'the same' if cell.verdict_same else 'another'}"
            )
    for interface in dict.fromkeys(cell.interface for cell in cells):
        counts = [cell.pixels[0] for cell in cells if cell.interface == interface and cell.pixels]
        if sum(counts) > limits["pixel_share"] * 784 * len(counts):
            lines.append(f"{interface}: {sum(counts)} pixels of {784 * len(counts)} differ")
    return lines


def table(pack: Pack, cells: Sequence[Cell]) -> str:
    """Return the table: a row per picture, a column per interface."""
    interfaces = list(dict.fromkeys(cell.interface for cell in cells))
    found = {(cell.file, cell.interface): cell for cell in cells}
    lines = [f"| picture | {' | '.join(interfaces)} |", "|---" * (len(interfaces) + 1) + "|"]
    for path in pack.paths:
        cells_of_row = [found.get((path.name, interface)) for interface in interfaces]
        lines.append(f"| {path.name} | {' | '.join(cell.text() if cell else '' for cell in cells_of_row)} |")
    return "\n".join(lines)


def agreement(pack: Pack, cells: Sequence[Cell]) -> dict[str, Any]:
    """Return each interface's worst over all pictures that it can read, as the pack's README shows it."""
    interfaces = []
    for interface in dict.fromkeys(cell.interface for cell in cells):
        read = [cell for cell in cells if cell.interface == interface and not math.isnan(cell.logit)]
        pixels = [cell.pixels[0] for cell in read if cell.pixels is not None]
        interfaces.append(
            {
                "interface": interface,
                "pictures": len(read),
                "refused": sum(cell.interface == interface and cell.refused for cell in cells),
                "logit": max(cell.logit for cell in read),
                "pixels": sum(pixels) if pixels else None,
                "verdicts": sum(not cell.verdict_same for cell in read),
            }
        )
    return {
        "sha256": pack.sha256,
        "commit": current_commit(),
        "machine": machine()["processor"],
        "interfaces": interfaces,
    }


def main() -> int:
    """Print the matrix; return 1 if something that must agree does not."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.conformance", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write each worst to {AGREEMENT_FILE}")
    parsed = parser.parse_args()
    pack = Pack(CONFORMANCE_FOLDER)
    with served_app("--models", str(MODELS_FOLDER)) as address:
        here = cells_here(pack, Engine.load(MODELS_FOLDER, "cpu"), address)
    cells = [*here, *cells_elsewhere(pack, MODELS_FOLDER)]
    print(table(pack, cells))
    if parsed.save:
        AGREEMENT_FILE.write_text(json.dumps(agreement(pack, cells), indent=1) + "\n", encoding="utf-8")
    lines = disagreements(pack, cells)
    print("\n".join(lines), file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
