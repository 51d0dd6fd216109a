"""python check.py digit.png: is it fake? Needs onnxruntime, Pillow, numpy, and the model in this folder."""

import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

MODEL = "discriminator_from_image.onnx"
REASONS = ("not handwriting", "blank", "several digits", "too small", "cut off")


def check(file: str) -> str:
    """Return the verdict on a picture file, with P(fake | x) if it looks like a digit."""
    picture = ImageOps.exif_transpose(Image.open(file))
    if picture.mode.startswith("I"):  # 16 bits: keep the upper 8 that are used
        wide = np.asarray(picture).astype(np.uint16)
        unused = 16 - int(wide.max()).bit_length()
        picture = Image.fromarray((wide << (unused if unused >= 3 else 0) >> 8).astype(np.uint8))
    image = np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
    session = onnxruntime.InferenceSession(MODEL)
    outputs = ["fake_probability", "in_domain", "reason"]
    (p,), (in_domain,), (reason,) = session.run(outputs, {"image": image})
    limits = session.get_modelmeta().custom_metadata_map
    if in_domain < float(limits["in_domain_threshold"]):
        return f"not a digit ({REASONS[reason]})"
    fake, real = p >= float(limits["fake_threshold"]), p <= float(limits["real_threshold"])
    return f"{'fake' if fake else 'real' if real else 'unsure'}, fake_probability = {p:.4f}"


if __name__ == "__main__":
    print(check(sys.argv[1]) if len(sys.argv) == 2 else sys.exit("usage: python check.py digit.png"))
