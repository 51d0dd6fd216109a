"""The zoo as a whole: built by one command, resumed part by part, reported on, exported."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from demo.inference.engine import MODELS_FOLDER, Engine
from export.__main__ import main as export_main
from tests.support.detectors import quick_gate
from tests.support.zoos import copied_zoo, zoo_command
from train.__main__ import main
from train.config import GeneratorsConfig
from train.generators.build import PARTS
from train.generators.conditional_gan import ConditionalGan
from train.generators.families import FAMILIES
from train.run import Run


@pytest.fixture(scope="module")
def zoo(narrow: None, few_digits: str, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: ARG001
    """The folder of a zoo that hardly learnt anything, built in two goes."""
    return copied_zoo(tmp_path_factory, few_digits)


def test_the_report_has_every_generator_and_its_wall(zoo: Path) -> None:
    report = json.loads((zoo / "report.json").read_text())
    names = [row["name"] for row in report["rows"]]
    assert names[0] == "held_out_reals"
    assert set(FAMILIES) <= set(names)
    assert {row["kind"] for row in report["rows"][1:]} == {
        "adversarial",
        "variational",
        "flow",
        "autoregressive",
        "classical",
    }
    assert 0 <= report["judge_accuracy"] <= 1
    for name in names[1:]:
        with Image.open(zoo / "walls" / f"{name}.png") as wall:
            assert wall.size == (280, 280)
    table = (zoo / "report.md").read_text()
    assert all(f"| {name} |" in table for name in names)


def test_a_finished_zoo_is_only_reported_on(
    zoo: Path, few_digits: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {path: path.stat().st_mtime_ns for path in zoo.glob("*/step-*.safetensors")}
    assert len(kept) >= len(PARTS) - 2
    before = json.loads((zoo / "report.json").read_text())
    assert main(zoo_command(zoo.parent, few_digits, "--resume")) == 0
    assert {path: path.stat().st_mtime_ns for path in zoo.glob("*/step-*.safetensors")} == kept
    after = json.loads((zoo / "report.json").read_text())
    for one, other in zip(before["rows"], after["rows"], strict=True):
        timeless = [key for key in one if "seconds" not in key]
        assert [one[key] for key in timeless] == [other[key] for key in timeless]
    assert "| conditional_gan |" in capsys.readouterr().out


@pytest.fixture(scope="module")
def models(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder that the zoo was published to."""
    folder = tmp_path_factory.mktemp("published")
    models = Path(shutil.copytree(MODELS_FOLDER, folder / "models"))
    with pytest.MonkeyPatch.context() as patch:
        quick_gate(patch)
        assert export_main(["run", str(zoo), "--models", str(models)]) == 0
    return models


def test_a_finished_zoo_is_exported_with_its_figures(zoo: Path, models: Path) -> None:
    entry = json.loads((models / "manifest.json").read_text())["files"]["generator.onnx"]
    report = json.loads((models / "generators.json").read_text())
    (row,) = (row for row in report["rows"] if row["name"] == "conditional_gan")
    assert entry["metrics"]["frechet"] == row["frechet"]
    assert (models / "generators-morphs.png").read_bytes() == (zoo / "walls" / "morphs.png").read_bytes()

    family = ConditionalGan(Run(zoo).config(GeneratorsConfig))
    family.restore(Run(zoo / "conditional_gan").load(family.total)[0])
    wanted = np.full(20, 7, np.int64)
    expected = family.sample(20, 5, wanted)
    found = Engine.load(models, "cpu").generate("generator", 20, seed=5, digit=7)
    assert np.abs(expected.astype(int) - found).max() <= 1
    assert np.mean(expected != found) < 1e-3
    assert onnxruntime.InferenceSession(models / "generator.onnx").get_inputs()[1].type == "tensor(int64)"


def test_the_same_seed_gives_the_same_digits_in_the_app_and_in_training(zoo: Path, models: Path) -> None:
    family = ConditionalGan(Run(zoo).config(GeneratorsConfig))
    family.restore(Run(zoo / "conditional_gan").load(family.total)[0])
    expected, found = family.sample(256, 5), Engine.load(models, "cpu").generate("generator", 256, seed=5)
    assert np.abs(expected.astype(int) - found).max() <= 1


def test_a_report_is_not_kept_beside_what_is_trained_anew(zoo: Path, few_digits: str, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(zoo, tmp_path / "zoo-smoke"))
    shutil.rmtree(copied / "vae")
    assert main(zoo_command(tmp_path, few_digits, "--resume", "--only", "vae")) == 0
    assert not (copied / "report.json").exists()


def test_a_part_of_another_length_is_not_gone_on_with(
    zoo: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = Path(shutil.copytree(zoo, tmp_path / "zoo-smoke"))
    options = json.loads((copied / "config.json").read_text())
    (copied / "config.json").write_text(json.dumps(options | {"effort": 0.001}))
    resumed = zoo_command(tmp_path, few_digits, "--resume", "--only", "vae")
    resumed[resumed.index("1e-9")] = "0.001"
    assert main(resumed) == 1
    assert "vae was trained with kept [1], which is now [6]; delete it" in capsys.readouterr().err


def test_an_unfinished_zoo_is_not_exported(
    zoo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unfinished = Path(shutil.copytree(zoo, tmp_path / "zoo", ignore=shutil.ignore_patterns("report.json")))
    assert export_main(["run", str(unfinished), "--models", str(tmp_path / "models")]) == 1
    assert "has no whole report" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_what_cannot_be_built_is_said_in_a_line(
    zoo: Path, few_digits: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(zoo_command(tmp_path, few_digits, "--only", "dragons")) == 1
    assert "--only names dragons; known: judge, " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(zoo_command(zoo.parent, few_digits)) == 1
    assert "holds a run; add --resume" in capsys.readouterr().err
    assert main(["evaluate", str(zoo)]) == 1
    assert "is a run of `python -m train zoo`, not of `tutorial`" in capsys.readouterr().err


def test_other_shapes_are_refused(
    small_dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(zoo_command(tmp_path, small_dataset)) == 1
    assert "take 28x28 pictures; small-digits has 8x8" in capsys.readouterr().err
    assert not (tmp_path / "zoo-smoke").exists()
