"""The published networks find digits in photographs, and their ink."""

import numpy as np
import pytest

from tests.support.handwriting import large_digits
from train.data.photographs import CONDITIONS, photograph
from train.isolation.isolate import crop_around, ink_of, locate

DIGITS = [*large_digits()[0]]


@pytest.mark.parametrize("condition", ["plain paper", "squared paper", "blackboard", "dim", "on a table"])
def test_a_digit_is_found_with_its_ink(condition: str) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        taken = photograph([DIGITS[seed]], "evaluation", CONDITIONS[condition], random, (240, 320))
        found = locate(taken.image)
        assert found.boxes.shape == (1, 4)
        assert not found.cut.any()
        longest = (taken.boxes[0, 2:] - taken.boxes[0, :2]).max()
        assert np.abs(found.boxes[0] - taken.boxes[0]).max() <= 0.2 * longest + 2
        ink, _ = ink_of(crop_around(taken.image, taken.boxes[0]))
        given = crop_around(taken.ink[..., None], taken.boxes[0]).pixels[..., 0]
        both, either = ((ink > 127) & (given > 127)).sum(), ((ink > 127) | (given > 127)).sum()
        assert both / either > 0.6


def test_small_digits_are_looked_at_again() -> None:
    """Four digits in a corner of a large page, each 3 % to 8 % of its side."""
    for seed in range(3):
        random = np.random.default_rng(seed)
        row = CONDITIONS["several in a row"]
        taken = photograph(DIGITS[seed : seed + 4], "evaluation", row, random, (240, 320))
        found = locate(np.pad(taken.image, ((400, 80), (560, 80), (0, 0)), "edge")).boxes
        assert len(found) == 4
        for box in taken.boxes + np.array([400, 560, 400, 560]):
            assert min(np.abs(box - other).max() for other in found) <= 0.25 * (box[2:] - box[:2]).max() + 2


def test_a_picture_without_a_digit_has_no_boxes() -> None:
    assert locate(np.full((100, 160, 3), 200, np.uint8)).boxes.shape == (0, 4)
