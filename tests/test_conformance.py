"""Every runtime and door says the same of the pack's pictures; and the matrix would see it if not."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest

from demo.manifest import Manifest
from demo.runtime import MODELS_FOLDER, Engine
from export.__main__ import main
from export.conformance import CONFORMANCE_FOLDER
from tests.conformance import (
    Cell,
    Pack,
    api_cells,
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


def test_python_the_command_line_and_the_api_agree(engine: Engine) -> None:
    pack = Pack(CONFORMANCE_FOLDER)
    cells = [
        *python_cells(pack, engine),
        *command_line_cells(pack, MODELS_FOLDER),
        *api_cells(pack, MODELS_FOLDER),
    ]
    assert len(cells) == 6 * len(pack.pictures)
    assert disagreements(pack, cells) == []


@pytest.mark.node
@pytest.mark.browser
def test_every_runtime_and_door_agrees(browser_path: str) -> None:
    pack, cells = matrix(browser_path)
    assert len(cells) == 10 * len(pack.pictures)
    assert disagreements(pack, cells) == []
    assert table(pack, cells).count("\n") == len(pack.pictures) + 2


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
def test_a_difference_is_seen(change: dict[str, Any]) -> None:
    pack = Pack(CONFORMANCE_FOLDER)
    cell = Cell("drawn-0.png", "browser: file", 0.0, (0, 0), True)
    assert disagreements(pack, [cell]) == []
    assert disagreements(pack, [dataclasses.replace(cell, **change)])
