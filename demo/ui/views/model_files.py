"""The published models to download, and the inputs and outputs of the one that takes any picture."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demo.api.routes import MODELS_PATH
from demo.contract import MANIFEST, POLARITY
from demo.inference.engine import Engine
from demo.ui.html import description_list
from demo.ui.texts import Texts


@dataclass(frozen=True)
class PublishedModel:
    """A model file. entry: its manifest entry.

    inputs, outputs: type and shape by name, such as `uint8 [height, width, channels]`.
    """

    file: str
    entry: Mapping[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]


def published_models(engine: Engine) -> list[PublishedModel]:
    """Return every model, the any-picture one first; raise ModelError if one is missing, altered or fails."""
    models = []
    for file, entry in engine.manifest.files.items():
        if file.endswith(".onnx"):
            session = engine.session(file.removesuffix(".onnx"))
            inputs, outputs = map(_tensors, (session.get_inputs(), session.get_outputs()))
            models.append(PublishedModel(file, entry, inputs, outputs))
    return sorted(models, key=lambda model: model.entry["kind"] != "from_image")


def _tensors(declared: Sequence[Any]) -> dict[str, str]:
    # onnxruntime's `tensor(float)` is NumPy's float32; the other types share their names.
    kinds = {each.name: each.type.removeprefix("tensor(").removesuffix(")") for each in declared}
    return {
        each.name: f"{'float32' if kinds[each.name] == 'float' else kinds[each.name]} "
        f"[{', '.join(map(str, each.shape))}]"
        for each in declared
    }


def download_link(file: str) -> str:
    """Return a link that saves a published file."""
    name = html.escape(file)
    return f'<a href="{MODELS_PATH}/{name}" download="{name}">{name}</a>'


def model_files(models: Sequence[PublishedModel], text: Texts) -> str:
    """Return the files as HTML."""
    cards = "".join(_card(model, text) for model in models)
    manifest = f"<li><h3>{download_link(MANIFEST)}</h3><p>{text('elsewhere.manifest-text')}</p></li>"
    return f'<p>{text("elsewhere.files-text")}</p><ul class="files">{cards}{manifest}</ul>'


def _card(model: PublishedModel, text: Texts) -> str:
    known = text.group("elsewhere.is-")
    what = known.get(model.file.removesuffix(".onnx")) or known.get(model.entry["kind"], "")
    bytes_ = model.entry["size"]
    size = text("elsewhere.bytes", megabytes=f"{bytes_ / 1e6:.2f}", bytes=f"{bytes_:,}")
    checksum = f'<code class="checksum">{html.escape(model.entry["sha256"])}</code>'
    details = {
        "inputs": _tensor_list(model.inputs),
        "outputs": _tensor_list(model.outputs),
        "opset": str(model.entry["opset"]),
        "licence": html.escape(model.entry["licence"]),
        "trained": html.escape(model.entry["training_run"]),
    }
    return (
        f"<li><h3>{download_link(model.file)}</h3><p>{what}</p>"
        f"{_facts({'size': size, 'sha256': checksum}, text)}"
        f"<details><summary>{text('elsewhere.more')}</summary>{_facts(details, text)}</details></li>"
    )


def _facts(facts: Mapping[str, str], text: Texts) -> str:
    return description_list(((text(f"elsewhere.{key}"), fact) for key, fact in facts.items()), "facts")


def _tensor_list(tensors: Mapping[str, str]) -> str:
    return "".join(
        f'<span class="tensor"><code>{html.escape(name)}</code> {html.escape(kind)}</span>'
        for name, kind in tensors.items()
    )


def contract(models: Sequence[PublishedModel], text: Texts) -> str:
    """Return the any-picture model's inputs, outputs and verdict rules as HTML; empty if it is missing."""
    model = next((each for each in models if each.entry["kind"] == "from_image"), None)
    if model is None:
        return ""
    meanings = text.group("elsewhere.tensor-")
    tensors = (
        (f"<code>{html.escape(name)}</code> <small>{html.escape(kind)}</small>", meanings.get(name, ""))
        for name, kind in (*model.inputs.items(), *model.outputs.items())
    )
    thresholds = {"other": "in_domain_threshold", "fake": "fake_threshold", "real": "real_threshold"}
    rules = "".join(
        f"<li>{text(f'elsewhere.verdict-{verdict}', limit=f'{model.entry[threshold]:.4f}')}</li>"
        for verdict, threshold in thresholds.items()
    )
    return (
        f"<p>{text('elsewhere.contract-text', file=model.file)}</p>{description_list(tensors, 'tensors')}"
        f"<h3>{text('elsewhere.direction')}</h3>"
        f"<p><code>{POLARITY}</code></p>"
        f"<p>{text('elsewhere.direction-text')}</p>"
        f"<h3>{text('elsewhere.verdict')}</h3><p>{text('elsewhere.verdict-text')}</p>"
        f"<ol>{rules}<li>{text('elsewhere.verdict-unsure')}</li></ol>"
        f'<p class="hint">{text("elsewhere.limits-text")}</p>'
    )
