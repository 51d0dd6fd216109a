"""Make the example pictures of *Check* anew: `python -m tests.tools.examples`.

Handwritten digits are MNIST's test digits; generated ones are the published generators'; the photograph and
the screenshot are simulated. Each picture is drawn at random, and none is chosen by its verdict.
"""

import io
import zlib
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from demo.contract import GENERATOR, MLP_GENERATOR
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.ui.shared import EXAMPLES_FOLDER
from demo.ui.widgets.examples import EXAMPLES
from train.checkpoint import write_atomically
from train.data import mnist
from train.data.layouts import Digit
from train.data.photographs import CONDITIONS, photograph

Pixels = NDArray[np.uint8]

SIMULATED: Final = {
    "photo": ("on a table", (320, 240), (2,)),
    "screenshot": ("phone screenshot", (390, 180), (5,)),
    "two": ("several in a row", (160, 240), (8, 3)),
}
"""Condition of the photograph, its height and width, and the digits on it."""
TYPE_SIZE: Final = 96


def main() -> None:
    tested = mnist.load("mnist", "test")
    engine = Engine.load(MODELS_FOLDER, "cpu")

    def written(digit: int, random: np.random.Generator) -> Pixels:
        chosen: Pixels = tested.images.numpy()[random.choice(np.flatnonzero(tested.labels.numpy() == digit))]
        return chosen

    pictures: dict[str, Pixels] = {
        "handwritten": written(7, random_of("handwritten")),
        "generated": engine.generate(GENERATOR, 1, 1)[0],
        "perceptron": engine.generate(MLP_GENERATOR, 1, 1)[0],
        "printed": printed("4"),
        "letter": printed("K"),
    }
    for name, (condition, size, shown) in SIMULATED.items():
        random = random_of(name)
        digits: list[Digit] = [written(each, random) for each in shown]
        pictures[name] = photograph(digits, "evaluation", CONDITIONS[condition], random, size).image
    for name, kind in EXAMPLES.items():
        stream = io.BytesIO()
        Image.fromarray(pictures[name]).save(stream, kind, optimize=True, quality=80)
        write_atomically(EXAMPLES_FOLDER / f"{name}.{kind}", stream.getvalue())
        print(f"{name}: {len(stream.getvalue()):,} bytes")


def random_of(name: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(name.encode()))


def printed(character: str) -> Pixels:
    """Print a character in black on white."""
    image = Image.new("L", (2 * TYPE_SIZE, 2 * TYPE_SIZE), 255)
    font = ImageFont.load_default(TYPE_SIZE)
    ImageDraw.Draw(image).text((TYPE_SIZE, TYPE_SIZE), character, 0, font, anchor="mm")
    return np.asarray(image)


if __name__ == "__main__":
    main()
