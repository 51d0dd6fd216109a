"""The small copy of a picture that the page shows."""

import io

import numpy as np
import pytest
from PIL import Image

from demo.decoder.images import encode_preview

SIZES = {(60, 40, 1): (40, 60), (60, 40, 4): (40, 60), (3000, 1500, 3): (512, 1024), (1, 5000, 3): (1024, 1)}


@pytest.mark.parametrize(("shape", "size"), SIZES.items())
def test_a_preview_has_the_shape_and_the_colours_of_the_picture(
    shape: tuple[int, int, int], size: tuple[int, int]
) -> None:
    preview = Image.open(io.BytesIO(encode_preview(np.full(shape, 200, np.uint8))))
    assert preview.size == size
    assert preview.has_transparency_data == (shape[2] == 4)
    assert abs(int(np.asarray(preview.convert("L")).mean()) - 200) < 3
