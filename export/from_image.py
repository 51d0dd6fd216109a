"""`normalizer.onnx`, and `discriminator_from_image.onnx`: the normalizer and a discriminator as one graph."""

import functools
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper
from PIL import Image
from torch import nn

from demo.contract import (
    BOX,
    BOXES,
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
    REASON,
)
from demo.inference.answer import Thresholds
from demo.inference.sessions import CPU, open_session
from export.convert import ExportedModel, entry_for, finished, metadata_for
from export.parity import Difference, compare, refuse, run_torch
from train.bundle import PEN_LICENCE
from train.data import mnist
from train.normalize import NONE, VERSION, examined

Outputs: TypeAlias = Mapping[str, NDArray[Any]]
Groups: TypeAlias = Mapping[str, Sequence[NDArray[np.uint8]]]
"""Group → pictures uint8 [height, width, channels] for the gate."""

BATCH: Final = 1
SHAPES: Final[Mapping[str, Sequence[int | str]]] = {
    PIXELS: (BATCH, *PICTURE_SHAPE),
    BOX: (4,),
    BOXES: ("digits", 4),
    DIGIT_PROBABILITIES: (BATCH, DIGITS),
}
"""Outputs with more than one number per picture."""
TYPES: Final = {
    PIXELS: TensorProto.UINT8,
    BOX: TensorProto.INT64,
    INVERTED: TensorProto.BOOL,
    REASON: TensorProto.INT64,
    BOXES: TensorProto.INT64,
}
"""Outputs that are not float32."""
NORMALIZER_OUTPUTS: Final = (PIXELS, BOX, INVERTED, REASON, BOXES)
ADDED_OUTPUTS: Final = (PIXELS, REASON, BOXES)
"""Outputs that the merged graph has besides the scores."""
OWN_IN_DOMAIN: Final = "discriminator/in_domain"
"""The discriminator's `in_domain` inside the merged graph."""
DETAILS: Final = {"normalizer_version": VERSION}
"""Metadata of both files."""
TRAINING_RUN: Final = "isolation-small, step 16000, seed 0"
LICENCE: Final = f"MIT; trained on {mnist.find_entry('mnist').licence}; {PEN_LICENCE}"
"""Of the normalizer's networks."""
NORMALIZED_SHARE: Final = 1e-3
"""Share of the normalizer's pixels that may be one level off: an average may round up or down at a half."""
PICTURE_SEED: Final = 2_000_000
HASH_SEED: Final = "53433"
"""onnxscript orders the outputs of a branch as Python orders a set of strings, so the bytes of the normalizer
depend on PYTHONHASHSEED. With this one they are those of the published file."""
BUILD: Final = """
import sys
from export.normalizer import normalizer_model
sys.stdout.buffer.write(normalizer_model().SerializeToString())
"""
FILTERS: Final = (
    Image.Resampling.NEAREST,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)


def export_any_image(
    discriminator: ExportedModel, module: nn.Module, thresholds: Thresholds, digits: NDArray[np.uint8]
) -> Iterator[ExportedModel]:
    """Yield the normalizer, then the normalizer and the discriminator as one graph.

    module: the PyTorch module of the discriminator. digits: uint8 [n, 28, 28], to make test pictures from.

    Raises:
        ParityError: a number differs from the reference's.
    """
    pictures = any_image_groups(digits, PICTURE_SEED)
    golden = golden_picture(digits[0], PICTURE_SEED)
    normalizer = export_normalizer(pictures, golden)
    yield normalizer
    yield export_from_image(normalizer.content, discriminator, module, thresholds, pictures, golden)


def export_normalizer(pictures: Groups, golden: NDArray[np.uint8]) -> ExportedModel:
    """Return `normalizer.onnx`: the reference is `train/normalize.py`.

    golden: a picture uint8 [height, width, channels].

    Raises:
        ParityError: an output differs from the reference's.
    """

    def reference(group: Sequence[NDArray[np.uint8]], _: Outputs) -> Outputs:
        return normalized_outputs(group)

    metadata = metadata_for(NORMALIZER, TRAINING_RUN, LICENCE, None, DETAILS)
    model = onnx.load_model_from_string(normalizer_graph())
    set_interface(model, NORMALIZER_OUTPUTS)
    content = serialized(model, metadata)
    report = check_pictures(NORMALIZER, content, NORMALIZER_OUTPUTS, pictures, reference, None)
    entry = entry_for(NORMALIZER, metadata, report, {IMAGE: golden}, reference([golden], {}))
    return ExportedModel(f"{NORMALIZER}.onnx", content, {**entry, **DETAILS}, report)


def normalized_outputs(pictures: Sequence[NDArray[np.uint8]]) -> Outputs:
    """Return what the reference finds in pictures, one after the other, as the normalizer's outputs."""
    rows = [examined(picture) for picture in pictures]
    return {
        PIXELS: np.stack([row.pixels for row in rows]),
        BOX: np.concatenate([np.array(row.box, np.int64) for row in rows]),
        INVERTED: np.array([row.inverted for row in rows]),
        REASON: np.array([row.reason for row in rows], np.int64),
        BOXES: np.concatenate([row.boxes for row in rows]),
    }


@functools.cache
def normalizer_graph() -> bytes:
    """Build the normalizer's graph in a process with a fixed hash seed, so that its bytes never change."""
    built = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", BUILD],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONHASHSEED": HASH_SEED},
        stdout=subprocess.PIPE,
        check=True,
    )
    return built.stdout


def export_from_image(
    normalizer: bytes,
    discriminator: ExportedModel,
    module: nn.Module,
    thresholds: Thresholds,
    pictures: Groups,
    golden: NDArray[np.uint8],
) -> ExportedModel:
    """Return `discriminator_from_image.onnx`: any picture → the scores and what the normalizer found.

    Its outputs are the discriminator's, then `pixels`, `reason` and `boxes`. `in_domain` is 0 where `reason`
    is not; if the discriminator has none of its own, it is 1 elsewhere. The reference is `train/normalize.py`
    followed by the PyTorch module, whose outputs are the discriminator's.

    Raises:
        ParityError: a number differs from the reference's.
    """
    own = output_names(discriminator.content)

    def reference(group: Sequence[NDArray[np.uint8]], found: Outputs) -> Outputs:
        expected = normalized_outputs(group)
        # Scores are compared on the pixels that the graph itself computed: these may be one level off.
        pixels = found.get(PIXELS, expected[PIXELS])
        scores = dict(zip(own, run_torch(module, {PIXELS: pixels}), strict=True))
        isolated = (expected[REASON] == NONE).astype(np.float32)
        return {**expected, **scores, IN_DOMAIN: isolated * scores.get(IN_DOMAIN, 1)}

    source = discriminator.entry
    metadata = metadata_for(FROM_IMAGE, source["training_run"], source["licence"], thresholds, DETAILS)
    content = serialized(merged(normalizer, discriminator.content), metadata)
    names = merged_names(own)
    report = check_pictures(FROM_IMAGE, content, names, pictures, reference, thresholds)
    outputs = reference([golden], {})
    golden_outputs = {name: outputs[name] for name in names}
    entry = entry_for("from_image", metadata, report, {IMAGE: golden}, golden_outputs)
    return ExportedModel(f"{FROM_IMAGE}.onnx", content, {**entry, **DETAILS}, report)


def check_pictures(
    name: str,
    content: bytes,
    names: Sequence[str],
    pictures: Groups,
    reference: Callable[[Sequence[NDArray[np.uint8]], Outputs], Outputs],
    thresholds: Thresholds | None,
) -> list[Difference]:
    """Compare a graph's outputs on all pictures, one by one, with a reference.

    reference: (a group's pictures, the graph's outputs on them) → the outputs to expect; each output is that
    of all pictures, one after the other.

    Raises:
        ParityError: an output differs from the reference's.
    """
    session = open_session(name, content, [CPU])
    report: list[Difference] = []
    for group, group_pictures in pictures.items():
        rows = [session.run(names, {IMAGE: picture}) for picture in group_pictures]
        found = dict(zip(names, map(np.concatenate, zip(*rows, strict=True)), strict=True))
        expected = reference(group_pictures, found)
        report += [
            compare(group, each, found[each], expected[each], thresholds, NORMALIZED_SHARE) for each in names
        ]
    refuse(name, report)
    return report


def output_names(model: bytes) -> list[str]:
    """Return the names of a graph's outputs, in its order."""
    return [each.name for each in onnx.load_model_from_string(model).graph.output]


def merged_names(own: Sequence[str]) -> list[str]:
    """Return the merged graph's outputs, in order. own: the discriminator's."""
    return [*own, *({IN_DOMAIN} - set(own)), *ADDED_OUTPUTS]


def merged(normalizer: bytes, discriminator: bytes) -> onnx.ModelProto:
    """Return the discriminator behind the normalizer, with `in_domain` in any case, and `ADDED_OUTPUTS`."""
    own = output_names(discriminator)
    first, second = (onnx.load_model_from_string(content) for content in (normalizer, discriminator))
    for part in (first, second):
        del part.metadata_props[:]
    second = compose.add_prefix(second, "discriminator/", rename_inputs=False, rename_outputs=False)
    # Its own `in_domain` becomes a factor of the merged graph's.
    for each in (*second.graph.output, *second.graph.node):
        if isinstance(each, onnx.NodeProto):
            each.output[:] = [OWN_IN_DOMAIN if name == IN_DOMAIN else name for name in each.output]
        elif each.name == IN_DOMAIN:
            each.name = OWN_IN_DOMAIN
    # Naming the outputs here would prune values that only branches use; onnxruntime drops unused nodes.
    model = compose.merge_models(first, second, [(PIXELS, PIXELS)])
    add_in_domain(model, own=IN_DOMAIN in own)
    set_interface(model, merged_names(own))
    return model


def add_in_domain(model: onnx.ModelProto, own: bool) -> None:
    """Add `in_domain`: 0 where there is a `reason`, else `OWN_IN_DOMAIN`, or 1 without one."""
    none = numpy_helper.from_array(np.array(NONE, np.int64), "in_domain/none")
    model.graph.initializer.append(none)
    isolated = "in_domain/isolated" if own else IN_DOMAIN
    model.graph.node.extend(
        [
            helper.make_node("Equal", [REASON, none.name], ["in_domain/equal"]),
            helper.make_node("Cast", ["in_domain/equal"], [isolated], to=TensorProto.FLOAT),
        ]
    )
    if own:
        model.graph.node.append(helper.make_node("Mul", [isolated, OWN_IN_DOMAIN], [IN_DOMAIN]))


def set_interface(model: onnx.ModelProto, outputs: Sequence[str]) -> None:
    """Declare the input and the outputs with the contract's names, types and shapes."""
    del model.graph.input[:], model.graph.output[:]
    image = helper.make_tensor_value_info(IMAGE, TensorProto.UINT8, ["height", "width", "channels"])
    model.graph.input.append(image)
    for name in outputs:
        kind, shape = TYPES.get(name, TensorProto.FLOAT), SHAPES.get(name, (BATCH,))
        model.graph.output.append(helper.make_tensor_value_info(name, kind, shape))


def serialized(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Check a model and return its bytes, with this metadata and the contract's operator set alone."""
    # The domain of functions that were inlined is still listed. Operators outside the standard domain would
    # not pass the check.
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", OPSET))
    del model.graph.value_info[:]
    return finished(model, metadata)


def any_image_groups(digits: NDArray[np.uint8], seed: int) -> dict[str, list[NDArray[np.uint8]]]:
    """Return group → pictures uint8 [height, width, channels] made from digits uint8 [n, 28, 28].

    They look like the files, drawings and photographs that people send.
    """
    random = np.random.default_rng(seed)
    return {
        "as they are": [digit[..., None] for digit in digits],
        "inverted": [255 - digit[..., None] for digit in digits],
        "on a canvas": [on_canvas(digit, random)[..., None] for digit in digits],
        "transparent": [transparent(digit, 255 * (index % 2)) for index, digit in enumerate(digits)],
        "enlarged": [enlarged(digit, random)[..., None] for digit in digits],
        "coloured": [coloured(enlarged(digit, random), random) for digit in digits],
        "photographed": [photographed(enlarged(digit, random), random) for digit in digits],
        "compressed": [compressed(on_canvas(enlarged(d, random), random), random) for d in digits],
        "nothing": [np.full((side, 3 * side, 3), side, np.uint8) for side in (1, 2, 28, 255)],
        "noise": [random.integers(0, 256, (37, 53, channels), np.uint8) for channels in (1, 3, 4)],
        "strips": [random.integers(0, 256, shape, np.uint8) for shape in ((1, 5000, 3), (3000, 2, 1))],
    }


def on_canvas(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a digit somewhere on a larger black canvas: uint8 [height, width]."""
    top, bottom, left, right = random.integers(1, 2 * len(digit), 4)
    return np.pad(digit, ((top, bottom), (left, right)))


def transparent(digit: NDArray[np.uint8], ink: int) -> NDArray[np.uint8]:
    """Return ink of one brightness whose alpha is the digit: uint8 [28, 28, 4]."""
    colour = np.full((*digit.shape, 3), ink, np.uint8)
    return np.concatenate([colour, digit[..., None]], axis=2)


def enlarged(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return a digit 2 to 12 times as large, by any filter: uint8 [height, width]."""
    factor = int(random.integers(2, 13))
    size = (digit.shape[1] * factor, digit.shape[0] * factor)
    return np.asarray(Image.fromarray(digit).resize(size, FILTERS[int(random.integers(len(FILTERS)))]))


def coloured(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return ink of any colour on darker or brighter paper of any colour: uint8 [height, width, 3]."""
    paper, ink = random.integers(0, 100, 3), random.integers(150, 256, 3)
    if random.random() < 0.5:
        paper, ink = ink, paper
    share = digit[..., None] / 255
    return np.round(paper * (1 - share) + ink * share).astype(np.uint8)


def photographed(digit: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return dark ink on paper, lit from one side, with a camera's noise: uint8 [height, width, 3]."""
    height, width = digit.shape
    light = np.add.outer(
        np.linspace(0, random.uniform(-40, 40), height), np.linspace(0, random.uniform(-40, 40), width)
    )
    grey = 190 + light - digit * (130 / 255) + random.normal(0, 2, digit.shape)
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def compressed(picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    """Return dark ink on white after JPEG of quality 40 to 95: uint8 [height, width, 3]."""
    stream = io.BytesIO()
    Image.fromarray(255 - picture).convert("RGB").save(stream, "JPEG", quality=int(random.integers(40, 96)))
    return np.asarray(Image.open(stream))


def golden_picture(digit: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """Return a picture that exercises every step of the normalizer: uint8 [84, 84, 3]."""
    large = np.asarray(Image.fromarray(digit).resize((84, 84), Image.Resampling.BICUBIC))
    return photographed(large, np.random.default_rng(seed))
