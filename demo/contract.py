"""Names shared by the packages: files, tensors, shapes, thresholds and metadata keys.

Probability convention: **every score is P(fake | x)**, the probability that a generator made the picture x,
and a logit is the log-odds of fake:

    fake_probability = sigmoid(logit)        P(real | x) = 1 - fake_probability

The notebook that the tutorial pair follows labels real pictures 1: its D(x) is P(real | x), and our score is
1 - D(x).
"""

from pathlib import Path
from typing import Final

VERSION: Final = "0.3.0"

OPSET: Final = 20
"""ONNX operator set of every file; current Python, Node and browser runtimes load up to 21."""

PICTURE_SHAPE: Final = (28, 28)
"""Height and width, in pixels, of a discriminator's input and a generator's output."""

DIGITS: Final = 10
"""The number of digits that a generator can be asked for: 0 to 9."""

MODELS_FOLDER: Final = Path(__file__).parent / "models"
"""The models that come with the demo."""

IMAGE: Final = "image"
"""uint8 [height, width, channels], channels 1, 3 or 4, any size from 1x1."""
PIXELS: Final = "pixels"
"""uint8 [batch, height, width], bright ink (255) on dark paper (0)."""
BOX: Final = "box"
"""int64 [4]: top, left, bottom, right (the last two exclusive) of the ink in the original picture, in its
pixels; all 0 if it is blank."""
INVERTED: Final = "inverted"
"""bool [1]: the paper was bright, and was made dark."""
REASON: Final = "reason"
"""int64 [1]: why no single digit could be isolated, an index into `REASONS`."""
REASONS: Final = (None, "blank", "several digits", "too small", "cut off")
NOT_HANDWRITING: Final = "not handwriting"
"""Why a picture is `not a digit` although one was isolated."""
BOXES: Final = "boxes"
"""int64 [n, 4]: a box, as in `box`, for each digit found."""
NOISE: Final = "noise"
"""float32 [batch, latent], standard normal."""
DIGIT: Final = "digit"
"""int64 [batch], 0 to 9: the digit that a generator is asked for."""
LOGIT: Final = "logit"
"""float32 [batch], log-odds of fake."""
FAKE_PROBABILITY: Final = "fake_probability"
"""float32 [batch] in [0, 1]; for the history model float32 [batch, snapshots]."""
DIGIT_PROBABILITIES: Final = "digit_probabilities"
"""float32 [batch, 10], rows sum to 1: P(y | x) of the digits 0 to 9."""
IN_DOMAIN: Final = "in_domain"
"""float32 [batch] in [0, 1]: whether the picture is one handwritten digit at all; 0 without ink, and where
the normalizer has a reason."""

NORMALIZER: Final = "normalizer"
DISCRIMINATOR: Final = "discriminator"
FROM_IMAGE: Final = "discriminator_from_image"
GENERATOR: Final = "generator"
MLP_DISCRIMINATOR: Final = "mlp_discriminator"
MLP_GENERATOR: Final = "mlp_generator"
MLP_HISTORY: Final = "mlp_history"
DIGITS_PICTURE: Final = "digits.png"
"""Real digits that no network has learnt from, side by side in rows, for the game."""
HISTORY_PICTURE: Final = "history.png"
HISTORY_RECORD: Final = "history.json"
HISTORY_STEPS: Final = "history-steps.json"
GENERATORS_RECORD: Final = "generators.json"
GENERATORS_GRID: Final = "generators-{}.png"
EVALUATION_RECORD: Final = "evaluation.json"
EVALUATION_PLOT: Final = "evaluation-{}.png"
MANIFEST: Final = "manifest.json"

POLARITY: Final = "fake_probability = sigmoid(logit) = P(fake | x)"
THRESHOLDS: Final = ("fake_threshold", "real_threshold", "in_domain_threshold")
METADATA_KEYS: Final = ("name", "version", "polarity", *THRESHOLDS, "training_run", "licence")
"""`metadata_props` of every file: strings, the thresholds as JSON numbers or null."""
