"""Every runtime and door says the same of the pack's pictures; and the matrix would see it if not."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from export.__main__ import main
from export.conformance import CONFORMANCE_FOLDER
from tests.tools.conformance import (
    Cell,
    Pack,
    cells_elsewhere,
    cells_here,
    command_line_cells,
    disagreements,
    matrix,
    python_cells,
    table,
)


def test_the_pack_is_of_the_published_model() -> None:
    expected = json.loads((CONFORMANCE_FOLDER / "expected.json").read_text())
    assert expected["sha256"] == Manifest.load(MODELS_FOLDER).files[expected["model"]]["sha256"]
    assert {path.name for path in CONFORMANCE_FOLDER.iterdir()} == {
        "README.md",
        "agreement.json",
        "expected.json",
        *(row["file"] for row in expected["pictures"]),
    }


def test_the_pack_is_made_again_by_its_command(tmp_path: Path) -> None:
    assert main(["conformance", str(tmp_path / "pack")]) == 0
    expected = json.loads((CONFORMANCE_FOLDER / "expected.json").read_text())
    again = json.loads((tmp_path / "pack" / "expected.json").read_text())
    # Encoders of other formats change between versions; what is drawn does not.
    lossless = [row["file"] for row in expected["pictures"] if row["file"].endswith(".png")]
    for one, other in zip(expected["pictures"], again["pictures"], strict=True):
        assert one["file"] == other["file"]
        if one["file"] in lossless:
            assert one["pixels"] == other["pixels"]
            assert one["logit"] == pytest.approx(other["logit"], abs=1e-3)


@pytest.fixture(scope="module")
def pack() -> Pack:
    """The pack of the models that are committed."""
    return Pack(CONFORMANCE_FOLDER)


@pytest.fixture(scope="module")
def here(pack: Pack, engine: Engine, server: str) -> list[Cell]:
    """What Python, the command line and the API say of it."""
    return cells_here(pack, engine, server)


def test_python_the_command_line_and_the_api_agree(pack: Pack, here: list[Cell]) -> None:
    assert len(here) == 6 * len(pack.pictures)
    assert all(cell.digits is not None for cell in here)
    assert disagreements(pack, here) == []


@pytest.mark.node
@pytest.mark.browser
def test_every_runtime_and_door_agrees(browser_path: str, pack: Pack, here: list[Cell]) -> None:
    cells = [*here, *cells_elsewhere(pack, browser_path, MODELS_FOLDER)]
    assert len(cells) == 10 * len(pack.pictures)
    assert all(cell.digits is not None for cell in cells if not math.isnan(cell.logit))
    assert disagreements(pack, cells) == []
    assert table(pack, cells).count("\n") == len(pack.pictures) + 2


def test_the_pack_says_which_digit() -> None:
    expected = json.loads((CONFORMANCE_FOLDER / "expected.json").read_text())
    assert expected["tolerance"]["digit_probabilities"] == 1e-3
    rows = expected["pictures"]
    assert {len(row["digit_probabilities"]) for row in rows} == {10}
    assert all(sum(row["digit_probabilities"]) == pytest.approx(1, abs=1e-5) for row in rows)


@pytest.fixture(scope="module")
def tutorial_pack(smoke_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of models without a product."""
    folder = tmp_path_factory.mktemp("conformance") / "pack"
    assert main(["conformance", str(folder), "--models", str(smoke_models)]) == 0
    return folder


def test_the_tutorial_s_pack_says_nothing_of_digits(tutorial_pack: Path, smoke_models: Path) -> None:
    expected = json.loads((tutorial_pack / "expected.json").read_text())
    assert "digit_probabilities" not in expected["tolerance"]
    rows = expected["pictures"]
    assert not any("digit_probabilities" in row for row in rows)
    assert "not a digit" in {row["verdict"] for row in rows}
    pack = Pack(tutorial_pack)
    cells = [
        *python_cells(pack, Engine.load(smoke_models, "cpu")),
        *command_line_cells(pack, smoke_models),
    ]
    assert all(cell.digits is None for cell in cells)
    assert disagreements(pack, cells) == []


@pytest.mark.slow
@pytest.mark.node
@pytest.mark.browser
def test_every_runtime_and_door_agrees_on_the_tutorial(
    browser_path: str, tutorial_pack: Path, smoke_models: Path
) -> None:
    pack, cells = matrix(browser_path, tutorial_pack, smoke_models)
    assert len(cells) == 10 * len(pack.pictures)
    assert all(cell.digits is None for cell in cells)
    assert disagreements(pack, cells) == []


def test_another_digit_is_seen(pack: Pack) -> None:
    row = pack.pictures[0]["digit_probabilities"]
    digit = row.index(max(row))
    assert pack.reading_apart(0, digit, row[digit]) == 0
    assert pack.digits_apart(0, np.array(row, np.float32)) == pytest.approx(0, abs=1e-6)
    cell = Cell("drawn-0.png", "browser: array", 0.0, (0, 0), True)
    for apart in (
        pack.digits_apart(0, np.array(row, np.float32) + np.float32(0.002)),
        pack.digits_apart(0, None),
        pack.reading_apart(0, None, None),
        pack.reading_apart(0, digit, row[digit] + 0.002),
        pack.reading_apart(0, (digit + 1) % 10, row[(digit + 1) % 10]),
    ):
        assert disagreements(pack, [dataclasses.replace(cell, digits=apart)])


@pytest.mark.parametrize(
    "change",
    [
        {"logit": 2e-3},
        {"logit": math.nan},
        {"pixels": (1, 2)},
        {"pixels": (40, 1)},
        {"verdict_same": False},
    ],
)
def test_a_difference_is_seen(pack: Pack, change: dict[str, Any]) -> None:
    cell = Cell("drawn-0.png", "browser: file", 0.0, (0, 0), True)
    assert disagreements(pack, [cell]) == []
    assert disagreements(pack, [dataclasses.replace(cell, **change)])
