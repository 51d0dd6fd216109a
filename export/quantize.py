"""The same network in 8-bit integers: a quarter of the bytes, and products that a CPU has units for.

Activations are unsigned and weights signed, a scale a channel; a layer's ReLU is the unsigned range's lower
end. Weights take 7 of their 8 bits: processors without VNNI add two products in 16 bits, where 8 would
overflow without a word (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html), so
that the number would depend on the machine.
"""

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

BATCH: Final = 64
QUANTISED: Final = ("Conv", "Add", "Relu")
PERCENTILE: Final = 99.999
"""Of an activation's values so many are inside the range; the few beyond would make every level coarser."""


class Pixels:
    """Whole batches of pictures, uint8 [n, 28, 28], from which the range of each activation is read."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._batches: Iterator[NDArray[np.uint8]] = (
            pixels[start : start + BATCH] for start in range(0, len(pixels) - BATCH + 1, BATCH)
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch by the input's name, None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {PIXELS: batch}


def quantized(content: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """A discriminator's .onnx bytes with its convolutions in 8-bit integers.

    pixels: uint8 [n, 28, 28], pictures that it learnt from, at least `BATCH`: the range of its
    activations on them is what 8 bits are spread over. The first convolution stays in float32: of three
    channels, gathering them costs more than multiplying. The heads do, too: what they cost is nothing.
    """
    # It imports onnxruntime, which tells of its use unless it was told not to.
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
            "op_types_to_quantize": QUANTISED,
            "nodes_to_exclude": [first],
        }
        quantize_static(model, path, Pixels(pixels), **options)
        return path.read_bytes()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Leave out what the library prints, and its advice to fuse layers, which the exporter has done."""
    root = logging.getLogger()

    def unadvised(record: logging.LogRecord) -> bool:
        return "pre-processing" not in record.getMessage()

    root.addFilter(unadvised)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        root.removeFilter(unadvised)
