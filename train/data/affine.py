"""More handwriting out of little: pictures turned, sheared, stretched and shifted at random."""

import math
from typing import Final

import torch
from torch.nn import functional

# Handwriting's own range, about: much more, and a 9 could be a 6 or a 1 a slash.
TURN: Final = math.radians(10)
SHEAR: Final = 0.15
STRETCH: Final = 0.1
SHIFT: Final = 2 / 14
"""Two pixels, where half the picture's width is 1."""


def augmented(pictures: torch.Tensor, stream: torch.Generator) -> torch.Tensor:
    """Pictures [batch, 1, height, width] each turned, sheared, stretched and shifted at random.

    float32 in [0, 1], and so are those returned; what comes in from outside is 0. stream: on the same device.
    """

    def uniform(reach: float) -> torch.Tensor:
        drawn = torch.rand(len(pictures), device=pictures.device, generator=stream)
        return (drawn * 2 - 1) * reach

    turn, shear = uniform(TURN), uniform(SHEAR)
    across, down = 1 + uniform(STRETCH), 1 + uniform(STRETCH)
    # Rotation · shear · stretch, then the shift.
    rows = (
        torch.stack([turn.cos() * across, (turn.cos() * shear - turn.sin()) * down, uniform(SHIFT)], 1),
        torch.stack([turn.sin() * across, (turn.sin() * shear + turn.cos()) * down, uniform(SHIFT)], 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return functional.grid_sample(pictures, grid, align_corners=False)
