"""A discriminator's convolutions in 8-bit integers, by onnxruntime's static quantization."""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from demo.contract import PIXELS
from demo.environment import disable_telemetry

CALIBRATION_BATCH: Final = 64
QUANTIZED: Final = ("Conv", "Add", "Relu")
PERCENTILE: Final = 99.999
"""Share (%) of an activation's values inside the 8-bit range; outliers would make every level coarser."""


def quantize_convolutions(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """Return a discriminator's .onnx bytes with its convolutions in 8-bit integers.

    Activations are unsigned and weights signed, with a scale per channel; a layer's ReLU is the lower end of
    the unsigned range. Weights use 7 of their 8 bits: processors without VNNI add two products in 16 bits,
    which would overflow silently and make the number depend on the machine
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html).

    The first convolution stays in float32: with three input channels, gathering them costs more than
    multiplying. So do the heads, which cost next to nothing.

    pixels: uint8 [n, 28, 28], pictures that the network learnt from, at least `CALIBRATION_BATCH`; 8 bits
    cover the range of its activations on them.
    """
    # The import loads onnxruntime, which sends telemetry unless that was turned off before.
    disable_telemetry()
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    model = onnx.load_from_string(content)
    first = next(node.name for node in model.graph.node if node.op_type == "Conv")
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "quantized.onnx"
        options: dict[str, Any] = {
            "quant_format": QuantFormat.QDQ,
            "activation_type": QuantType.QUInt8,
            "weight_type": QuantType.QInt8,
            "per_channel": True,
            "reduce_range": True,
            "calibrate_method": CalibrationMethod.Percentile,
            "extra_options": {"CalibPercentile": PERCENTILE},
            "op_types_to_quantize": QUANTIZED,
            "nodes_to_exclude": [first],
        }
        quantize_static(model, path, CalibrationReader(pixels), **options)
        return path.read_bytes()


class CalibrationReader:
    """Whole batches of pixels uint8 [n, 28, 28], as onnxruntime's calibration reads them."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        whole = len(pixels) // CALIBRATION_BATCH * CALIBRATION_BATCH
        self._starts = iter(range(0, whole, CALIBRATION_BATCH))
        self._pixels = pixels

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next batch under the input's name, or None after the last."""
        start = next(self._starts, None)
        return None if start is None else {PIXELS: self._pixels[start : start + CALIBRATION_BATCH]}


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hide what the library prints, and its advice to fuse layers, which the exporter has already done."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
