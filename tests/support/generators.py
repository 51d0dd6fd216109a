"""A tiny class-conditional generator without training, which draws digits of blocks."""

from typing import Final

import torch
from torch import nn

LATENT: Final = 8
ROWS: Final = 5
COLUMNS: Final = 3
BLOCK: Final = 4
GLYPHS: Final = (
    "111101101101111",
    "010110010010111",
    "111001111100111",
    "111001111001111",
    "101101111001001",
    "111100111001111",
    "111100111101111",
    "111001010010010",
    "111101111101111",
    "111101111001111",
)
"""For each digit, five rows of three blocks."""


class SegmentGenerator(nn.Module):
    """(noise float32 [batch, LATENT], digit int64 [batch]) → float32 [batch, 1, 28, 28] in [0, 1].

    The digit says which blocks are lit, the noise how brightly. The same weights each time.
    """

    def __init__(self) -> None:
        super().__init__()
        lit = torch.tensor([[float(block) for block in glyph] for glyph in GLYPHS])
        self.glyphs = nn.Embedding.from_pretrained(lit)
        mixing = torch.randn(ROWS * COLUMNS, LATENT, generator=torch.Generator().manual_seed(0))
        self.brightness = nn.Linear(LATENT, ROWS * COLUMNS)
        self.brightness.weight = nn.Parameter(mixing)
        self.brightness.bias = nn.Parameter(torch.zeros(ROWS * COLUMNS))
        self.enlarge = nn.ConvTranspose2d(1, 1, BLOCK, stride=BLOCK, bias=False)
        self.enlarge.weight = nn.Parameter(torch.ones(1, 1, BLOCK, BLOCK))

    def forward(self, noise: torch.Tensor, digit: torch.Tensor) -> torch.Tensor:
        blocks = self.glyphs(digit) * (0.5 + 0.5 * torch.sigmoid(self.brightness(noise)))
        picture = self.enlarge(blocks.reshape(-1, 1, ROWS, COLUMNS))
        return nn.functional.pad(picture, (8, 8, 4, 4))
