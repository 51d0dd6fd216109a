"""What is exported: the trained networks between the contract's inputs and outputs, scaling inside."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import leaky_relu

from train.tutorial.models import MlpDiscriminator, MlpGenerator


class PixelDiscriminator(nn.Module):
    """pixels uint8 [batch, height, width] → fake_probability float32 [batch], logit float32 [batch]."""

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logit = self.discriminator(pixels.flatten(1).float() / 255)
        return torch.sigmoid(logit), logit


class PixelDetector(nn.Module):
    """pixels uint8 [batch, 28, 28] → the product's four outputs, in the contract's order.

    fake_probability, logit float32 [batch]: calibrated, logit = scale * fake_logit + bias.
    digit_probabilities float32 [batch, 10]: rows sum to 1.
    in_domain float32 [batch] in [0, 1]: 0 without ink.

    detector: pictures float32 [batch, 1, 28, 28] in [0, 1] → (fake_logit float32 [batch],
    digit_logits float32 [batch, 10], domain_logit float32 [batch]).
    """

    def __init__(self, detector: nn.Module, scale: float, bias: float) -> None:
        super().__init__()
        self.detector = detector
        self.scale = scale
        self.bias = bias

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        pictures = pixels.unsqueeze(1).float() / 255
        fake_logit, digit_logits, domain_logit = self.detector(pictures)
        logit = self.scale * fake_logit + self.bias
        ink = pictures.flatten(1).amax(1) > 0
        in_domain = torch.sigmoid(domain_logit) * ink.float()
        return torch.sigmoid(logit), logit, torch.softmax(digit_logits, 1), in_domain


class PixelGenerator(nn.Module):
    """noise float32 [batch, latent] → pixels uint8 [batch, height, width], as a file would hold them."""

    def __init__(self, generator: MlpGenerator, shape: tuple[int, int]) -> None:
        super().__init__()
        self.generator = generator
        self.shape = shape

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        pictures = torch.round(self.generator(noise) * 255).to(torch.uint8)
        return pictures.reshape(-1, *self.shape)


class PixelConditionalGenerator(nn.Module):
    """noise float32 [batch, latent], digit int64 [batch] in 0-9 → pixels uint8 [batch, 28, 28].

    generator: (noise, digit) → float32 [batch, 1, 28, 28] in [0, 1].
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: torch.Tensor, digit: torch.Tensor) -> torch.Tensor:
        return torch.round(self.generator(noise, digit).squeeze(1) * 255).to(torch.uint8)


class PixelHistory(nn.Module):
    """pixels uint8 [batch, height, width] → fake_probability float32 [batch, snapshots].

    All snapshots of the tutorial's discriminator side by side, as one batched product a layer. The
    weights are rounded to float16, half the size, and cast back in the graph: arithmetic is float32.
    """

    def __init__(self, discriminators: Sequence[MlpDiscriminator]) -> None:
        super().__init__()
        self.snapshots = len(discriminators)
        layers = [
            [layer for layer in each.modules() if isinstance(layer, nn.Linear)] for each in discriminators
        ]
        self.depth = len(layers[0])
        for index, group in enumerate(zip(*layers, strict=True)):
            self.register_buffer(
                f"weight{index}", torch.stack([each.weight.detach().T.half() for each in group])
            )
            self.register_buffer(
                f"bias{index}", torch.stack([each.bias.detach()[None].half() for each in group])
            )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        hidden = (pixels.flatten(1).float() / 255)[None].expand(self.snapshots, -1, -1)
        for index in range(self.depth):
            weight, bias = self.get_buffer(f"weight{index}"), self.get_buffer(f"bias{index}")
            hidden = hidden @ weight.float() + bias.float()
            if index < self.depth - 1:
                hidden = leaky_relu(hidden, 0.2)
        return torch.sigmoid(hidden.squeeze(2)).T


def example_pixels(shape: tuple[int, int]) -> torch.Tensor:
    """An input to trace with: any values do, but not batch 1, which the exporter takes for constant."""
    return torch.zeros(2, *shape, dtype=torch.uint8)


def example_noise(latent: int) -> torch.Tensor:
    """An input to trace a generator with."""
    return torch.zeros(2, latent)


def example_digit() -> torch.Tensor:
    """The second input to trace a class-conditional generator with."""
    return torch.zeros(2, dtype=torch.int64)
