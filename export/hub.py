"""Write the published models as a folder ready for the Hugging Face Hub."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper
from safetensors.numpy import save

from demo.contract import (
    DISCRIMINATOR,
    FROM_IMAGE,
    GENERATOR,
    MANIFEST,
    MLP_DISCRIMINATOR,
    MLP_GENERATOR,
    PICTURE_SHAPE,
    POLARITY,
    THRESHOLDS,
)
from demo.inference.manifest import Manifest
from export.cards import model_cards
from export.conformance import EXPECTED
from export.errors import PublishError
from export.publish import replacement, write_synced

Result = tuple[str, str, float]
"""A figure: its type in the Hub's terms, its name, its value."""

WEIGHTS = (DISCRIMINATOR, MLP_DISCRIMINATOR, MLP_GENERATOR, GENERATOR)


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
            write_synced(staged / file, manifest.read(file))
        shutil.copy(models / MANIFEST, staged / MANIFEST)
        for name in (EXPECTED, *(row["file"] for row in expected["pictures"])):
            write_synced(staged / "conformance" / name, (conformance / name).read_bytes())
        for name in WEIGHTS:
            if f"{name}.onnx" in manifest.files:
                write_synced(staged / f"{name}.safetensors", weights(manifest.read(f"{name}.onnx")))
        write_synced(staged / "config.json", (json.dumps(config(manifest), indent=1) + "\n").encode())
        write_synced(staged / "README.md", card(manifest).encode())
        write_synced(staged / "SHA256SUMS", checksums(staged).encode())


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
    detector = manifest.files.get(f"{DISCRIMINATOR}.onnx")
    tutorial = manifest.files.get(f"{MLP_DISCRIMINATOR}.onnx")
    results = detector_results(detector) if detector else tutorial_results(tutorial) if tutorial else []
    front = {
        "library_name": "onnx",
        "pipeline_tag": "image-classification",
        "license": "mit",
        "tags": ["gan", "discriminator", "mnist", "onnxruntime"],
        "datasets": ["ylecun/mnist"],
        **({"model-index": [model_index(results)]} if results else {}),
    }
    lines = [f"{key}: {json.dumps(value)}" for key, value in front.items()]
    return "\n".join(
        [
            "---",
            *lines,
            "---",
            "",
            "# Touchstone",
            "",
            "Was this digit written by a person, or made by a generator? Any picture in, P(fake | x) out:",
            f"`{FROM_IMAGE}.onnx` takes `image` uint8 [height, width, 1 | 3 | 4]. `conformance/` holds",
            "pictures and the numbers that every implementation must give for them.",
            "",
            model_cards(manifest.folder),
        ]
    )


def tutorial_results(entry: Mapping[str, Any]) -> list[Result]:
    """Return the figures of the tutorial's discriminator on normalized pictures."""
    normalized = entry["metrics"]["normalized"]
    return [
        ("roc_auc", "AUROC against its own generator", normalized["auroc_own_generator"]),
        ("false_positive_rate", "Real test digits called fake at 0.5", normalized["real_called_fake"]),
        ("real_digits", "Real digits", normalized["reals"]),
        ("generated_digits", "Generated digits", normalized["fakes"]),
    ]


def detector_results(entry: Mapping[str, Any]) -> list[Result]:
    """Return those of the detector's published metrics that are single numbers, under their own names."""
    return [
        (name, name.replace("_", " "), value)
        for name, value in entry.get("metrics", {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]


def model_index(results: Sequence[Result]) -> dict[str, Any]:
    """Return the figures as the Hub's own library reads them."""
    return {
        "name": "touchstone",
        "results": [
            {
                "task": {"type": "image-classification", "name": "Is this digit generated?"},
                "dataset": {"type": "ylecun/mnist", "name": "MNIST", "split": "test"},
                "metrics": [
                    {"type": kind, "name": name, "value": round(value, 4)} for kind, name, value in results
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
