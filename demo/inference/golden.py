"""Golden numbers: inputs and outputs kept in the manifest, which every session must reproduce at load."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from demo.errors import ModelError


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """An array as JSON: dtype, shape and little-endian bytes in base64."""
    little = array.astype(array.dtype.newbyteorder("<"))
    return {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "data": base64.b64encode(little.tobytes()).decode(),
    }


def unpack(packed: Mapping[str, Any]) -> NDArray[Any]:
    """The array that `pack` took."""
    dtype = np.dtype(packed["dtype"])
    data = base64.b64decode(packed["data"])
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(packed["shape"])


def check(name: str, session: Any, golden: Mapping[str, Any], provider: str) -> None:
    """Run the golden inputs and compare every output with what was published.

    The tolerance of an output on a provider is the largest absolute difference of a value
    (`absolute`) and the largest share of values that differ at all (`share`).

    Raises:
        ModelError: an output differs by more than the provider's tolerance, or has another shape.
    """
    try:
        expected = {output: unpack(packed) for output, packed in golden["outputs"].items()}
        if not expected:
            raise ValueError("there are none")
        inputs = {feed: unpack(packed) for feed, packed in golden["inputs"].items()}
        limits = {output: golden["tolerance"][provider][output] for output in expected}
        tolerance = {
            output: {kind: float(limit[kind]) for kind in ("absolute", "share")}
            for output, limit in limits.items()
        }
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelError(
            f"The manifest's golden numbers of {name} cannot be read ({error}); restore it."
        ) from error
    found = dict(zip(expected, session.run(list(expected), inputs), strict=True))
    for output, limit in tolerance.items():
        if found[output].shape != expected[output].shape:
            raise ModelError(f"{name} gives {output} another shape than when it was published; not served.")
        difference = np.abs(found[output].astype(np.float64) - expected[output].astype(np.float64))
        # Written so that NaN fails.
        if not (difference.max() <= limit["absolute"] and np.mean(difference != 0) <= limit["share"]):
            raise ModelError(
                f"{name} on {provider} gives other numbers than when it was published: {output} differs by "
                f"{difference.max():.3g} where {limit['absolute']:.3g} is allowed. It is not served; use "
                "--device cpu, or another version of onnxruntime."
            )
