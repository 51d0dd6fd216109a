"""A published discriminator as the PyTorch module that it was made of, from nothing but the file.

What a file gives is held against this twin, and its speed; the run that it was trained in need not be there.
"""

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from export.modules import PixelDetector, PixelDiscriminator
from train.detector.model import Detector
from train.tutorial.models import MlpDiscriminator

WEIGHT = ".weight"
BIAS = ".weight_bias"


def detector_twin(content: bytes) -> PixelDetector:
    """The product's network in evaluation mode, its layers as they were trained, uncompiled and unfused.

    Raises:
        KeyError: the file is no float32 product's.
    """
    model = onnx.load_from_string(content)
    tensors = tensors_of(model)
    widths = [len(tensors[f"detector.trunk.{layer}.0{WEIGHT}"]) for layer in (0, 2, 4)]
    detector = Detector(widths).eval()
    with torch.no_grad():
        for name, layer in detector.named_modules():
            if isinstance(layer, nn.Conv2d):
                weight = tensors[f"detector.{name}{WEIGHT}"]
                layer.weight.copy_(weight)
                # The exporter put BatchNorm into the convolution; what is left of it is a bias.
                norm = detector.get_submodule(f"{name.rpartition('.')[0]}.{int(name.rpartition('.')[2]) + 1}")
                as_bias(norm, tensors[f"detector.{name}{BIAS}"])
        detector.heads.weight.copy_(tensors["detector.heads.weight"])
        detector.heads.bias.copy_(tensors["detector.heads.bias"])
    scale, bias = calibration_of(model)
    return PixelDetector(detector, scale, bias).eval()


def perceptron_twin(content: bytes) -> PixelDiscriminator:
    """The tutorial's network in evaluation mode."""
    model = onnx.load_from_string(content)
    tensors = tensors_of(model)
    prefix = "discriminator."
    found = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    first = next(tensor for name, tensor in found.items() if name.endswith(WEIGHT))
    perceptron = MlpDiscriminator(first.shape[1])
    perceptron.load_state_dict(found)
    return PixelDiscriminator(perceptron).eval()


def tensors_of(model: onnx.ModelProto) -> dict[str, torch.Tensor]:
    """A file's constants by their names."""
    # A copy: what the file holds cannot be written to, and PyTorch knows no such tensors.
    return {
        each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in model.graph.initializer
    }


def as_bias(norm: nn.Module, bias: torch.Tensor) -> None:
    """Make a BatchNorm in evaluation mode add a bias, and do nothing else."""
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.copy_(bias)


def calibration_of(model: onnx.ModelProto) -> tuple[float, float]:
    """The scale and the bias of logit = scale * fake_logit + bias, constants before the output `logit`."""
    made = {output: node for node in model.graph.node for output in node.output}
    constants = tensors_of(model)
    added = made["logit"]
    multiplied = next(made[name] for name in added.input if name in made)
    (bias,) = (constants[name].item() for name in added.input if name in constants)
    (scale,) = (constants[name].item() for name in multiplied.input if name in constants)
    return scale, bias
