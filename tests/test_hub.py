"""The Hub folder holds what the Hub and an app read, and its checksums hold."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from huggingface_hub import ModelCard
from onnx import numpy_helper
from safetensors.numpy import load_file

from demo.manifest import Manifest
from demo.runtime import MODELS_FOLDER, Engine
from export.__main__ import main
from train.models import MlpDiscriminator


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "touchstone"
    assert main(["hub", str(folder)]) == 0
    return folder


def test_the_card_is_read_by_the_hubs_own_library(hub: Path) -> None:
    card = ModelCard.load(hub / "README.md")
    assert card.data.library_name == "onnx"
    assert card.data.pipeline_tag == "image-classification"
    published = Manifest.load(MODELS_FOLDER).files["mlp_discriminator.onnx"]["metrics"]["normalized"]
    assert card.data.eval_results is not None
    values = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert values["roc_auc"] == round(published["auroc_own_generator"], 4)


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
    assert config["fake_threshold"] == 0.5
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
    assert "is no empty folder" in capsys.readouterr().err
    assert main(["conformance", str(tmp_path)]) == 1
    assert "holds something else" in capsys.readouterr().err
    assert main(["hub", str(tmp_path / "mine.txt")]) == 1
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_pack_of_other_models_is_refused(
    smoke_models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hub", str(tmp_path / "hub"), "--models", str(smoke_models)]) == 1
    assert "is of other models" in capsys.readouterr().err
    assert not (tmp_path / "hub").exists()
