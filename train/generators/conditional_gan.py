"""The app's generator: R3GAN's objective on a conditional pair."""

from train.generators.r3gan import R3Gan


class ConditionalGan(R3Gan):
    """Both networks are given the digit; `generator.onnx` is exported from it."""

    conditional = True
    steps = 8000
