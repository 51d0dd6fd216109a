"""The Hub folder holds what the Hub and an app read, and its checksums hold."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from huggingface_hub import ModelCard
from onnx import numpy_helper
from safetensors.numpy import load_file

from demo.contract import THRESHOLDS
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.manifest import Manifest
from export.cli import main
from export.conformance import EXPECTED, write_pack
from export.hub import write_hub
from train.tutorial.models import MlpDiscriminator


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "touchstone"
    assert main(["hub", str(folder)]) == 0
    return folder


def figures_read(hub: Path) -> dict[str, float]:
    """The card's figures by kind, as the Hub's own library reads them."""
    read = ModelCard.load(hub / "README.md")
    assert read.data.library_name == "onnx"
    assert read.data.pipeline_tag == "image-classification"
    assert read.data.eval_results is not None
    return {result.metric_type: result.metric_value for result in read.data.eval_results}


def test_the_card_is_read_by_the_hubs_own_library(hub: Path) -> None:
    published = Manifest.load(MODELS_FOLDER).files["discriminator.onnx"]["metrics"]
    numbers = {name: value for name, value in published.items() if not isinstance(value, str)}
    assert len(numbers) >= 5
    assert figures_read(hub) == {name: round(value, 4) for name, value in numbers.items()}


def test_without_a_detector_the_card_has_the_tutorials_figures(smoke_models: Path, tmp_path: Path) -> None:
    write_pack(tmp_path / "pack", smoke_models)
    expected = json.loads((tmp_path / "pack" / EXPECTED).read_text())
    assert "not a digit" in {row.get("verdict") for row in expected["pictures"]}
    # The tutorial's discriminator does not read digits.
    assert not any("digit_probabilities" in row for row in [expected["tolerance"], *expected["pictures"]])
    write_hub(tmp_path / "hub", smoke_models, tmp_path / "pack")
    published = Manifest.load(smoke_models).files["mlp_discriminator.onnx"]["metrics"]["normalized"]
    figure = figures_read(tmp_path / "hub")["auroc_own_generator"]
    assert figure == round(published["auroc_own_generator"], 4)
    text = (tmp_path / "hub" / "README.md").read_text()
    assert "## Tutorial pair" in text
    assert "## Detector" not in text
    assert json.loads((tmp_path / "hub" / "config.json").read_text())["fake_threshold"] == 0.5
    Engine.load(tmp_path / "hub", "cpu").open_all()


def test_the_card_holds_the_published_cards_with_their_plots(hub: Path) -> None:
    text = (hub / "README.md").read_text()
    assert text.endswith((MODELS_FOLDER / "README.md").read_text())
    pictures = re.findall(r'src="([^"]+)"', text)
    assert len(pictures) > 4
    assert all((hub / picture).is_file() for picture in pictures)


def test_the_checksums_are_of_every_other_file(hub: Path) -> None:
    sums = [line.split("  ") for line in (hub / "SHA256SUMS").read_text().splitlines()]
    lines = {file: checksum for checksum, file in sums}
    files = {path.relative_to(hub).as_posix() for path in hub.rglob("*") if path.is_file()}
    assert set(lines) == files - {"SHA256SUMS"}
    for file, checksum in lines.items():
        assert hashlib.sha256((hub / file).read_bytes()).hexdigest() == checksum


def test_the_folder_serves_as_models(hub: Path) -> None:
    Engine.load(hub, "cpu").open_all()
    config = json.loads((hub / "config.json").read_text())
    published = Manifest.load(MODELS_FOLDER).files["discriminator.onnx"]
    assert {key: config[key] for key in THRESHOLDS} == {key: published[key] for key in THRESHOLDS}
    assert (hub / config["model"]).exists()


def test_the_weights_are_the_graphs(hub: Path) -> None:
    weights = load_file(hub / "mlp_discriminator.safetensors")
    graph = onnx.load(hub / "mlp_discriminator.onnx").graph
    arrays = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    assert sorted(array.size for array in weights.values())[-1] == 784 * 512
    assert set(weights) == {name for name, array in arrays.items() if array.dtype.kind == "f" and array.ndim}
    assert sum(array.size for array in weights.values()) == sum(
        parameter.numel() for parameter in MlpDiscriminator(784).parameters()
    )
    assert all(np.array_equal(array, arrays[name]) for name, array in weights.items())


def test_nothing_of_the_users_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert main(["hub", str(tmp_path)]) == 1
    assert "is not empty; name a new folder" in capsys.readouterr().err
    assert main(["conformance", str(tmp_path)]) == 1
    assert "holds no conformance pack" in capsys.readouterr().err
    assert main(["hub", str(tmp_path / "mine.txt")]) == 1
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_pack_of_other_models_is_refused(
    smoke_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", str(tmp_path / "hub"), "--models", str(smoke_models)]) == 1
    assert "is of other models" in capsys.readouterr().err
    assert not (tmp_path / "hub").exists()
