"""Rebuild from published files: the PyTorch module of a discriminator, and the any-image files around it.

Neither needs the run that the files were exported from.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from demo.contract import DISCRIMINATOR, LOGIT, PIXELS, THRESHOLDS
from demo.inference.answer import Thresholds
from demo.inference.manifest import Manifest, unpack
from export.convert import ExportedModel
from export.detector import PixelDetector
from export.from_image import export_any_image
from export.publish import publish
from export.tutorial import PixelDiscriminator
from train.detector.model import Detector
from train.tutorial.models import MlpDiscriminator

WEIGHT = ".weight"
BIAS = ".weight_bias"


def rebuild_any_image(models: Path) -> list[ExportedModel]:
    """Publish `normalizer.onnx` and `discriminator_from_image.onnx` anew around the published discriminator.

    Both pass the parity gate first, on pictures made from the discriminator's golden inputs.

    Raises:
        ModelError: the models cannot be read. ParityError, PublishError: nothing was published.
    """
    manifest = Manifest.load(models)
    file = f"{DISCRIMINATOR}.onnx"
    content = manifest.read(file)
    entry = manifest.files[file]
    digits = unpack(entry["golden"]["inputs"][PIXELS])
    thresholds = Thresholds(*(entry[key] for key in THRESHOLDS))
    reference = ExportedModel(file, content, entry, [])
    exported = list(export_any_image(reference, rebuild_detector(content), thresholds, digits))
    contents = {model.file: model.content for model in exported}
    publish(models, contents, {model.file: model.entry for model in exported})
    return exported


def rebuild_detector(content: bytes) -> PixelDetector:
    """Return `discriminator.onnx` as a PyTorch module in evaluation mode, its layers as they were trained.

    Raises:
        KeyError: the file is no float32 detector.
    """
    model = onnx.load_from_string(content)
    tensors = tensors_of(model)
    widths = [len(tensors[f"detector.trunk.{layer}.0{WEIGHT}"]) for layer in (0, 2, 4)]
    detector = Detector(widths).eval()
    with torch.no_grad():
        for name, layer in detector.named_modules():
            if isinstance(layer, nn.Conv2d):
                layer.weight.copy_(tensors[f"detector.{name}{WEIGHT}"])
                # The exporter folded BatchNorm into the convolution; what is left of it is a bias.
                parent, _, index = name.rpartition(".")
                norm = detector.get_submodule(f"{parent}.{int(index) + 1}")
                set_bias(norm, tensors[f"detector.{name}{BIAS}"])
        detector.heads.weight.copy_(tensors["detector.heads.weight"])
        detector.heads.bias.copy_(tensors["detector.heads.bias"])
    scale, bias = calibration_of(model)
    return PixelDetector(detector, scale, bias).eval()


def rebuild_mlp(content: bytes) -> PixelDiscriminator:
    """Return `mlp_discriminator.onnx` as a PyTorch module in evaluation mode."""
    tensors = tensors_of(onnx.load_from_string(content))
    prefix = "discriminator."
    found = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    first = next(tensor for name, tensor in found.items() if name.endswith(WEIGHT))
    perceptron = MlpDiscriminator(first.shape[1])
    perceptron.load_state_dict(found)
    return PixelDiscriminator(perceptron).eval()


def tensors_of(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """Return a file's constants by their names."""
    # Copied, because the file's arrays are read-only, which PyTorch does not support.
    return {
        each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in model.graph.initializer
    }


def set_bias(norm: nn.Module, bias: torch.Tensor) -> None:
    """Make a BatchNorm in evaluation mode add a bias and do nothing else."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.copy_(bias)


def calibration_of(model: onnx.ModelProto) -> tuple[float, float]:
    """Return the scale and bias of logit = scale * fake_logit + bias, constants before the output `logit`."""
    made_by = {output: node for node in model.graph.node for output in node.output}
    constants = tensors_of(model)
    added = made_by[LOGIT]
    multiplied = next(made_by[name] for name in added.input if name in made_by)
    (bias,) = (constants[name].item() for name in added.input if name in constants)
    (scale,) = (constants[name].item() for name in multiplied.input if name in constants)
    return scale, bias
