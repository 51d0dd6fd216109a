"""The app's generator: choose the digit, R3GAN's objective on a conditional pair."""

from train.generators.r3gan import R3Gan


class ConditionalGan(R3Gan):
    """Both networks know the digit; the generator is what `generator.onnx` holds."""

    conditional = True
    steps = 8000
