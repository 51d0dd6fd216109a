"""The one door as files: `normalizer.onnx`, and `discriminator_from_image.onnx`, the two halves merged."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from torch import nn

from demo.contract import (
    BOX,
    DIGIT_PROBABILITIES,
    DIGITS,
    FROM_IMAGE,
    IMAGE,
    IN_DOMAIN,
    INVERTED,
    NORMALIZER,
    OPSET,
    PICTURE_SHAPE,
    PIXELS,
)
from demo.inference.answer import Thresholds
from demo.inference.sessions import CPU, open_session
from export.artifact import Artifact, entry_for, metadata_for
from export.normalizer import normalizer_model
from export.parity import Difference, compare, refuse, run_torch
from train.normalize import examined, normalize

BATCH = 1
SHAPES = {PIXELS: (BATCH, *PICTURE_SHAPE), BOX: (4,), DIGIT_PROBABILITIES: (BATCH, DIGITS)}
"""Of the outputs that are more than one number a picture."""
TYPES = {PIXELS: TensorProto.UINT8, BOX: TensorProto.INT64, INVERTED: TensorProto.BOOL}
"""Of the outputs that are no float32."""
NORMALIZER_OUTPUTS = (PIXELS, BOX, INVERTED)
NORMALIZED_SHARE = 1e-3
"""Of the normaliser's pixels that may be one level off: an average may fall on either side of a half."""


def make_normalizer(
    pictures: Mapping[str, Sequence[NDArray[np.uint8]]], golden: NDArray[np.uint8]
) -> Artifact:
    """`normalizer.onnx`: `image` → `pixels`, `box`, `inverted`, held against the reference
    `train/normalize.py`.

    pictures: group → pictures uint8 [height, width, channels] for the gate. golden: one such picture.

    Raises:
        ParityError: what it says differs from the reference.
    """
    metadata = metadata_for(NORMALIZER, "none: it has no weights", "MIT", None, {})
    model = normalizer_model()
    set_interface(model, NORMALIZER_OUTPUTS)
    content = finished(model, metadata)
    session = open_session(NORMALIZER, content, [CPU])
    report: list[Difference] = []
    for group, group_pictures in pictures.items():
        found = [session.run(NORMALIZER_OUTPUTS, {IMAGE: picture}) for picture in group_pictures]
        expected = [reference_outputs(picture) for picture in group_pictures]
        report += [
            compare(group, name, np.stack(ours), np.stack(theirs), None, NORMALIZED_SHARE)
            for name, ours, theirs in zip(
                NORMALIZER_OUTPUTS, zip(*found, strict=True), zip(*expected, strict=True), strict=True
            )
        ]
    refuse(NORMALIZER, report)
    golden_outputs = dict(zip(NORMALIZER_OUTPUTS, reference_outputs(golden), strict=True))
    entry = entry_for(NORMALIZER, metadata, report, {IMAGE: golden}, golden_outputs)
    return Artifact(f"{NORMALIZER}.onnx", content, entry, report)


def reference_outputs(picture: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """What the normaliser's graph should give for a picture: `NORMALIZER_OUTPUTS`, in their order."""
    seen = examined(picture)
    return [seen.pixels[np.newaxis], np.array(seen.box, np.int64), np.array([seen.inverted])]


def make_from_image(
    normalizer: bytes,
    discriminator: bytes,
    module: nn.Module,
    thresholds: Thresholds,
    training_run: str,
    licence: str,
    pictures: Mapping[str, Sequence[NDArray[np.uint8]]],
    golden: NDArray[np.uint8],
) -> Artifact:
    """`discriminator_from_image.onnx`: any picture → the scores and what was seen, as one graph.

    Its outputs are the discriminator's, then `pixels`; where the discriminator has no `in_domain` of its
    own, 1 where there is ink, else 0. Held against the reference normaliser followed by the PyTorch module,
    whose outputs are the discriminator's.

    Raises:
        ParityError: a number differs from PyTorch's.
    """
    metadata = metadata_for(FROM_IMAGE, training_run, licence, thresholds, {})
    own = output_names(discriminator)
    names = merged_names(own)
    content = finished(merged(normalizer, discriminator), metadata)
    session = open_session(FROM_IMAGE, content, [CPU])
    report: list[Difference] = []
    for group, group_pictures in pictures.items():
        rows = [session.run(names, {IMAGE: picture}) for picture in group_pictures]
        found = dict(zip(names, map(np.concatenate, zip(*rows, strict=True)), strict=True))
        # The scores are held against PyTorch on the pixels that the graph itself saw and reports.
        expected = expected_outputs(module, own, found[PIXELS])
        expected[PIXELS] = np.stack([normalize(picture) for picture in group_pictures])
        report += [
            compare(group, name, found[name], expected[name], thresholds, NORMALIZED_SHARE) for name in names
        ]
    refuse(FROM_IMAGE, report)
    golden_outputs = expected_outputs(module, own, normalize(golden)[np.newaxis])
    entry = entry_for("from_image", metadata, report, {IMAGE: golden}, golden_outputs)
    return Artifact(f"{FROM_IMAGE}.onnx", content, entry, report)


def output_names(model: bytes) -> list[str]:
    """A graph's outputs, in its order."""
    return [each.name for each in onnx.load_model_from_string(model).graph.output]


def merged_names(own: Sequence[str]) -> list[str]:
    """The merged graph's outputs, in order. own: the discriminator's."""
    return [*own, *({IN_DOMAIN} - set(own)), PIXELS]


def expected_outputs(
    module: nn.Module, own: Sequence[str], pixels: NDArray[np.uint8]
) -> dict[str, NDArray[Any]]:
    """What the merged graph should give for pixels [n, 28, 28]. own: what the module's outputs are called."""
    scores = dict(zip(own, run_torch(module, {PIXELS: pixels}), strict=True))
    scores.setdefault(IN_DOMAIN, np.any(pixels, axis=(1, 2)).astype(np.float32))
    return {**scores, PIXELS: pixels}


def merged(normalizer: bytes, discriminator: bytes) -> onnx.ModelProto:
    """The discriminator behind the normaliser, with `pixels` and, in any case, `in_domain` as outputs too."""
    own = output_names(discriminator)
    first, second = (onnx.load_model_from_string(content) for content in (normalizer, discriminator))
    for part in (first, second):
        del part.metadata_props[:]
    second = compose.add_prefix(second, "discriminator/", rename_inputs=False, rename_outputs=False)
    # Naming its outputs here would prune what only branches use; a session drops what leads to no output.
    model = compose.merge_models(first, second, [(PIXELS, PIXELS)])
    if IN_DOMAIN not in own:
        add_ink(model)
    set_interface(model, merged_names(own))
    return model


def add_ink(model: onnx.ModelProto) -> None:
    """Add `in_domain` to a graph that has `pixels`: 1 where there is ink, else 0."""
    zero = numpy_helper.from_array(np.zeros((), np.float32), "in_domain/zero")
    model.graph.initializer.append(zero)
    model.graph.node.extend(
        [
            helper.make_node("Cast", [PIXELS], ["in_domain/ink"], to=TensorProto.FLOAT),
            helper.make_node("Flatten", ["in_domain/ink"], ["in_domain/row"], axis=1),
            helper.make_node(
                "ReduceMax", ["in_domain/row", "in_domain/axis"], ["in_domain/most"], keepdims=0
            ),
            helper.make_node("Greater", ["in_domain/most", zero.name], ["in_domain/some"]),
            helper.make_node("Cast", ["in_domain/some"], [IN_DOMAIN], to=TensorProto.FLOAT),
        ]
    )
    model.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "in_domain/axis"))


def set_interface(model: onnx.ModelProto, outputs: Sequence[str]) -> None:
    """Declare the input and the outputs by the contract's names, types and shapes."""
    del model.graph.input[:], model.graph.output[:]
    image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, ["height", "width", "channels"])
    model.graph.input.append(image)
    for name in outputs:
        kind, shape = TYPES.get(name, TensorProto.FLOAT), SHAPES.get(name, (BATCH,))
        model.graph.output.append(helper.make_tensor_value_info(name, kind, shape))


def finished(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """The bytes of a model, checked, with the contract's operator set and metadata and nothing else."""
    if any(node.domain for node in model.graph.node):
        raise AssertionError("the graph uses operators outside the standard domain")
    # Of the functions that were inlined their domain is still listed.
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    del model.graph.value_info[:]
    onnx.helper.set_model_props(model, dict(metadata))
    model.graph.name = metadata["name"]
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content
