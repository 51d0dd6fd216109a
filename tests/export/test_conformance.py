"""Every runtime and interface agrees on a sample of the pack, and a difference would be found.

`python -m tests.tools.conformance` compares the whole pack.
"""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from export.cli import main
from export.conformance import CONFORMANCE_FOLDER, EXPECTED
from tests.tools.conformance import Cell, Pack, cells_elsewhere, cells_here, disagreements, table

SAMPLE = 4
"""Every fourth picture, and all that some or all decoders refuse."""


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """The published pack's expectations."""
    content: dict[str, Any] = json.loads((CONFORMANCE_FOLDER / EXPECTED).read_text())
    return content


@pytest.fixture(scope="module")
def pack(expected: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """A sample of the published pack."""
    folder = tmp_path_factory.mktemp("sample")
    pictures = [
        row
        for index, row in enumerate(expected["pictures"])
        if index % SAMPLE == 0 or "error" in row or "refused_by" in row
    ]
    for row in pictures:
        shutil.copy(CONFORMANCE_FOLDER / row["file"], folder)
    (folder / EXPECTED).write_text(json.dumps({**expected, "pictures": pictures}))
    return Pack(folder)


@pytest.fixture(scope="module")
def here(pack: Pack, engine: Engine, server: str) -> list[Cell]:
    """The results of Python, the command line and the API."""
    return cells_here(pack, engine, server)


def test_the_pack_is_of_the_published_model(expected: dict[str, Any]) -> None:
    assert expected["sha256"] == Manifest.load(MODELS_FOLDER).files[expected["model"]]["sha256"]
    assert {path.name for path in CONFORMANCE_FOLDER.iterdir()} == {
        "README.md",
        "agreement.json",
        EXPECTED,
        *(row["file"] for row in expected["pictures"]),
    }
    assert expected["tolerance"]["digit_probabilities"] == 1e-3
    read = [row for row in expected["pictures"] if "error" not in row]
    assert len(read) < len(expected["pictures"])
    for row in read:
        assert len(row["digit_probabilities"]) == 10
        assert sum(row["digit_probabilities"]) == pytest.approx(1, abs=1e-5)


def test_the_command_writes_the_same_pack(expected: dict[str, Any], tmp_path: Path) -> None:
    assert main(["conformance", str(tmp_path / "pack")]) == 0
    again = json.loads((tmp_path / "pack" / EXPECTED).read_text())
    for one, other in zip(expected["pictures"], again["pictures"], strict=True):
        assert one["file"] == other["file"]
        # Encoders of other formats change between versions.
        if one["file"].endswith(".png") and "error" not in one:
            assert one["pixels"] == other["pixels"]
            assert one["logit"] == pytest.approx(other["logit"], abs=1e-3)


def test_python_the_command_line_and_the_api_agree(pack: Pack, here: list[Cell]) -> None:
    assert len(here) == 3 * len(pack.pictures)
    assert disagreements(pack, here) == []


@pytest.mark.node
@pytest.mark.browser
def test_node_and_the_browser_agree(pack: Pack, here: list[Cell]) -> None:
    cells = [*here, *cells_elsewhere(pack, MODELS_FOLDER)]
    # A picture that is to be refused has no array.
    assert len(cells) == 5 * len(pack.pictures) + 2 * len(pack.arrays)
    assert len(pack.arrays) < len(pack.pictures)
    assert disagreements(pack, cells) == []
    assert table(pack, cells).count("\n") == len(pack.pictures) + 1


@pytest.mark.parametrize(
    "change",
    [
        {"logit": 2e-3},
        {"digits": 2e-3},
        {"pixels": (40, 1)},
        {"verdict_same": False},
        {"refused": True},
        {"file": "broken-pixels.png"},
    ],
)
def test_a_difference_is_found(pack: Pack, change: dict[str, Any]) -> None:
    cell = Cell("drawn-0.png", "browser: file", 0.0, (0, 0), True)
    assert disagreements(pack, [cell]) == []
    assert disagreements(pack, [dataclasses.replace(cell, **change)])
