"""Write the published models as a folder ready for the Hugging Face Hub."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper
from safetensors.numpy import save

from demo.contract import (
    DISCRIMINATOR,
    FROM_IMAGE,
    MANIFEST,
    MLP_DISCRIMINATOR,
    PICTURE_SHAPE,
    POLARITY,
    THRESHOLDS,
)
from demo.folders import write_whole
from demo.inference.manifest import Manifest
from export.cards import model_cards, text
from export.conformance import EXPECTED
from export.errors import PublishError
from export.publish import replacement


def write_hub(folder: Path, models: Path, conformance: Path) -> None:
    """Write .onnx files, model card, weights as safetensors, config, conformance pack and checksums.

    Raises:
        ModelError: the models cannot be read.
        PublishError: the folder exists and is not empty, or cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise PublishError(f"{folder} is not empty; name a new folder.")
    manifest = Manifest.load(models)
    expected = json.loads((conformance / EXPECTED).read_text(encoding="utf-8"))
    if expected["sha256"] != manifest.files[expected["model"]]["sha256"]:
        raise PublishError(
            f"{conformance} is of other models than {models}; write it again with "
            "`python -m export conformance`."
        )
    with replacement(folder) as staged:
        for file in manifest.files:
            write_whole(staged / file, manifest.read(file))
        shutil.copy(models / MANIFEST, staged / MANIFEST)
        (staged / "conformance").mkdir()
        for name in (EXPECTED, *(row["file"] for row in expected["pictures"])):
            write_whole(staged / "conformance" / name, (conformance / name).read_bytes())
        for name in (*manifest.names("discriminator"), *manifest.names("generator")):
            if "variant_of" not in manifest.files[f"{name}.onnx"]:
                write_whole(staged / f"{name}.safetensors", weights(manifest.read(f"{name}.onnx")))
        write_whole(staged / "config.json", (json.dumps(config(manifest), indent=1) + "\n").encode())
        write_whole(staged / "README.md", card(manifest).encode())
        write_whole(staged / "SHA256SUMS", checksums(staged).encode())


def weights(model: bytes) -> bytes:
    """Return a graph's float weights, under their names there, as safetensors."""
    graph = onnx.load_model_from_string(model).graph
    arrays = {each.name: numpy_helper.to_array(each).copy() for each in graph.initializer}
    return save({name: array for name, array in arrays.items() if array.dtype.kind == "f" and array.ndim > 0})


def config(manifest: Manifest) -> dict[str, Any]:
    """Return what an app needs to know before it loads a file."""
    entry = manifest.files[f"{FROM_IMAGE}.onnx"]
    return {
        "model": f"{FROM_IMAGE}.onnx",
        "version": manifest.version,
        "polarity": POLARITY,
        "image_size": list(PICTURE_SHAPE),
        **{key: entry[key] for key in THRESHOLDS},
    }


def card(manifest: Manifest) -> str:
    """Return the model cards of a folder, behind the front matter that the Hub reads (JSON is YAML too)."""
    front = {
        "library_name": "onnx",
        "pipeline_tag": "image-classification",
        "license": "mit",
        "tags": ["gan", "discriminator", "mnist", "onnxruntime"],
        "datasets": ["ylecun/mnist"],
        "model-index": [model_index(manifest)],
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in front.items()]
    return text("hub", {"front": "\n".join(lines), "cards": model_cards(manifest.folder)})


def model_index(manifest: Manifest) -> dict[str, Any]:
    """Return those published metrics that are single numbers, as the Hub's own library reads them.

    They are the detector's; without a detector, the tutorial discriminator's on normalized pictures.
    """
    detector, tutorial = (manifest.files.get(f"{name}.onnx") for name in (DISCRIMINATOR, MLP_DISCRIMINATOR))
    metrics = detector["metrics"] if detector else tutorial["metrics"]["normalized"] if tutorial else {}
    return {
        "name": "touchstone",
        "results": [
            {
                "task": {"type": "image-classification", "name": "Is this digit generated?"},
                "dataset": {"type": "ylecun/mnist", "name": "MNIST", "split": "test"},
                "metrics": [
                    {"type": name, "name": name.replace("_", " "), "value": round(value, 4)}
                    for name, value in metrics.items()
                    if isinstance(value, int | float)
                ],
            }
        ],
    }


def checksums(folder: Path) -> str:
    """Return the checksums of a folder's files, as `sha256sum --check` reads them."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n"
        for path in paths
    )
