"""The published files to download, and what the one that takes any picture takes and gives."""

import html
from collections.abc import Mapping, Sequence

from demo.api.routes import MODELS_PATH
from demo.contract import MANIFEST
from demo.inference.manifest import Manifest
from demo.ui.published import PublishedModel, Tensor
from demo.ui.texts import Words


def download_link(file: str) -> str:
    """A plain link that saves a published file."""
    name = html.escape(file)
    return f'<a href="{MODELS_PATH}/{name}" download="{name}">{name}</a>'


def model_files(models: Sequence[PublishedModel], words: Words) -> str:
    """HTML for the files."""
    cards = "".join(_card(model, words) for model in models)
    manifest = f"<li><h3>{download_link(MANIFEST)}</h3><p>{words('elsewhere.manifest-says')}</p></li>"
    return f'<p>{words("elsewhere.files-says")}</p><ul class="files">{cards}{manifest}</ul>'


def _card(model: PublishedModel, words: Words) -> str:
    known = words.group("elsewhere.is-")
    what = known.get(model.name) or known.get(model.kind, "")
    size = words("elsewhere.bytes", megabytes=f"{model.size / 1e6:.2f}", bytes=f"{model.size:,}")
    at_once = {"size": size, "sha256": f'<code class="checksum">{html.escape(model.sha256)}</code>'}
    further = {
        "inputs": _tensor_list(model.inputs),
        "outputs": _tensor_list(model.outputs),
        "opset": str(model.opset),
        "licence": html.escape(model.metadata["licence"]),
        "trained": html.escape(model.metadata["training_run"]),
    }
    return (
        f"<li><h3>{download_link(model.file)}</h3><p>{what}</p>{_facts(at_once, words)}"
        f"<details><summary>{words('elsewhere.more')}</summary>{_facts(further, words)}</details></li>"
    )


def _facts(facts: Mapping[str, str], words: Words) -> str:
    rows = (f"<div><dt>{words(f'elsewhere.{key}')}</dt><dd>{fact}</dd></div>" for key, fact in facts.items())
    return f'<dl class="facts">{"".join(rows)}</dl>'


def _tensor_list(tensors: Sequence[Tensor]) -> str:
    return "".join(
        f'<span class="tensor"><code>{html.escape(each.name)}</code> {html.escape(each.kind)}</span>'
        for each in tensors
    )


def contract(manifest: Manifest, models: Sequence[PublishedModel], words: Words) -> str:
    """HTML for what goes in, what comes out, and how the verdict follows; empty without the model for it."""
    model = next((each for each in models if each.kind == "from_image"), None)
    if model is None:
        return ""
    entry = manifest.files[model.file]
    meanings = words.group("elsewhere.tensor-")
    rows = "".join(
        f"<div><dt><code>{html.escape(each.name)}</code> <small>{html.escape(each.kind)}</small></dt>"
        f"<dd>{meanings.get(each.name, '')}</dd></div>"
        for each in (*model.inputs, *model.outputs)
    )
    steps = "".join(
        f"<li>{words(f'elsewhere.verdict-{verdict}', limit=f'{entry[limit]:.4f}')}</li>"
        for verdict, limit in (
            ("other", "in_domain_threshold"),
            ("fake", "fake_threshold"),
            ("real", "real_threshold"),
        )
    )
    polarity = html.escape(model.metadata["polarity"])
    return (
        f'<p>{words("elsewhere.contract-says", file=model.file)}</p><dl class="tensors">{rows}</dl>'
        f"<h3>{words('elsewhere.direction')}</h3><p><code>{polarity}</code></p>"
        f"<p>{words('elsewhere.direction-says')}</p>"
        f"<h3>{words('elsewhere.verdict')}</h3><p>{words('elsewhere.verdict-says')}</p>"
        f"<ol>{steps}<li>{words('elsewhere.verdict-unsure')}</li></ol>"
        f'<p class="hint">{words("elsewhere.limits-says")}</p>'
    )
