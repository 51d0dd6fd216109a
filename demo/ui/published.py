"""The published models as somebody who takes them elsewhere needs them described."""

from dataclasses import dataclass
from typing import Any

from demo.inference.engine import Engine


@dataclass(frozen=True)
class Tensor:
    """An input or an output. dtype: as numpy names it. shape: numbers, and names of what may vary."""

    name: str
    dtype: str
    shape: tuple[int | str, ...]

    @property
    def kind(self) -> str:
        """Type and shape in one, e.g. `uint8 [height, width, channels]`."""
        return f"{self.dtype} [{', '.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class PublishedModel:
    """A model file. kind: as the manifest has it. size: bytes. metadata: what the file says of itself."""

    file: str
    kind: str
    size: int
    sha256: str
    opset: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    metadata: dict[str, str]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.removesuffix(".onnx")


def published_models(engine: Engine) -> list[PublishedModel]:
    """Every model of the manifest, the one that takes any picture first.

    Raises:
        ModelError: a file is missing, altered, or gives other numbers than when published.
    """
    models = [_described(engine, file) for file in engine.manifest.files if file.endswith(".onnx")]
    return sorted(models, key=lambda model: model.kind != "from_image")


def _described(engine: Engine, file: str) -> PublishedModel:
    entry = engine.manifest.files[file]
    session = engine.session(file.removesuffix(".onnx"))
    return PublishedModel(
        file,
        entry["kind"],
        entry["size"],
        entry["sha256"],
        entry["opset"],
        _tensors(session.get_inputs()),
        _tensors(session.get_outputs()),
        dict(session.get_modelmeta().custom_metadata_map),
    )


def _tensors(declared: Any) -> tuple[Tensor, ...]:
    """onnxruntime's `tensor(float)` is numpy's float32; the other types have the same name in both."""
    types = {"float": "float32"}
    found = []
    for each in declared:
        name = each.type.removeprefix("tensor(").removesuffix(")")
        found.append(Tensor(each.name, types.get(name, name), tuple(each.shape)))
    return tuple(found)
