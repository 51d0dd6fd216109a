"""The generators as a whole: trained by one command, resumed part by part, and reported on."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.support.runs import copied_generators, generators_command
from train.cli import main
from train.generators.build import FAMILIES, PARTS
from train.generators.decoders import DECODERS
from train.run import Run


@pytest.fixture(scope="module")
def folder(narrow: None, few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """The folder of a run that learnt next to nothing, built in two commands."""
    return copied_generators(tmp_path_factory, few_digits)


def test_the_report_has_every_generator_and_its_grid(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    names = [row["name"] for row in report["rows"]]
    assert names[0] == "held_out_reals"
    assert set(FAMILIES) <= set(names)
    kinds = {"adversarial", "variational", "flow", "autoregressive", "classical"}
    assert {row["kind"] for row in report["rows"][1:]} == kinds
    assert 0 <= report["classifier_accuracy"] <= 1
    for name in names[1:]:
        with Image.open(folder / "grids" / f"{name}.png") as grid:
            assert grid.size == (280, 280)
    table = (folder / "report.md").read_text()
    assert all(f"| {name} |" in table for name in names)


def test_only_missing_parts_are_trained_and_an_outdated_report_is_deleted(
    folder: Path, few_digits: str, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / folder.name))
    shutil.rmtree(copied / "vae")
    snapshots = {path: path.stat().st_mtime_ns for path in copied.glob("*/*.safetensors")}
    assert len(snapshots) >= len(PARTS) - 3
    assert any(path.parent.name == DECODERS for path in snapshots)
    assert main(generators_command(tmp_path, few_digits, "--resume", "--only", *PARTS[1:])) == 0
    assert {path: path.stat().st_mtime_ns for path in snapshots} == snapshots
    assert Run(copied / "vae").steps()
    assert not (copied / "report.json").exists()


def test_wrong_commands_are_answered_in_a_line(
    folder: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(generators_command(tmp_path, few_digits, "--only", "dragons")) == 1
    assert "--only names dragons; known: digit_classifier, " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(generators_command(folder.parent, few_digits)) == 1
    assert "holds a run; add --resume" in capsys.readouterr().err
    assert main(["evaluate", str(folder)]) == 1
    assert "is a run of `python -m train generators`, not of `tutorial`" in capsys.readouterr().err
