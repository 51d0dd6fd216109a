"""A discriminator over buffers that stay where they are: what a GPU needs to answer at once.

On CUDA every batch size is captured once, as a CUDA graph, and replayed from then on: one launch instead of
one for each node. A replay reads and writes the very buffers that were bound when it was captured, so each
batch size has its own. onnxruntime keeps a captured graph with the thread that captured it, and another
thread would capture it anew, so all of them are run on one thread; that also lets many threads share them.

On a CPU there is nothing to launch, and a run through buffers, its answers copied out, takes as long as one
without: they work there, but nothing uses them.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from demo.contract import PIXELS
from demo.errors import DemoError, DeviceError
from demo.inference import golden
from demo.inference.sessions import CPU, CUDA, CUDA_GRAPH_OPTIONS, onnxruntime, open_session

BATCHES: Final = (1, 4, 16, 64, 256, 1024)
"""The batch sizes that have buffers: of a batch in between, at most three quarters are padding."""
DEVICES: Final = {CPU: "cpu", CUDA: "cuda"}
Result = TypeVar("Result")


class Buffers:
    """A discriminator's input and outputs for one batch size, on the device of its session.

    number: of the graph that is captured over them; another for every batch size of a session.
    """

    def __init__(self, session: Any, size: int, number: int) -> None:
        module = onnxruntime()
        device = DEVICES[session.get_providers()[0]]
        allocate = module.OrtValue.ortvalue_from_shape_and_type
        shape = (size, *session.get_inputs()[0].shape[1:])
        self.size = size
        self._session = session
        self._padded = np.zeros(shape, np.uint8)
        self._pixels = allocate(shape, np.uint8, device)
        self._outputs = {
            each.name: allocate((size, *each.shape[1:]), np.float32, device) for each in session.get_outputs()
        }
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(PIXELS, self._pixels)
        for name, value in self._outputs.items():
            self._binding.bind_ortvalue_output(name, value)
        self._options = module.RunOptions()
        self._options.add_run_config_entry("gpu_graph_id", str(number))

    def run(self, output_names: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """As a session's: `pixels` uint8 [n, height, width], n at least 1, `size` at a time."""
        pixels = inputs[PIXELS]
        parts = [
            self._fill_and_run(output_names, pixels[start : start + self.size])
            for start in range(0, len(pixels), self.size)
        ]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _fill_and_run(self, output_names: Sequence[str], pixels: NDArray[np.uint8]) -> list[NDArray[Any]]:
        count = len(pixels)
        if count < self.size:
            # What an earlier batch left behind them is scored too, and dropped.
            self._padded[:count] = pixels
            pixels = self._padded
        self._pixels.update_inplace(pixels)
        self._session.run_with_iobinding(self._binding, self._options)
        # Of a buffer on the CPU numpy() is a view, which the next run would write to.
        return [self._outputs[name].numpy()[:count].copy() for name in output_names]


class BoundModel:
    """A discriminator's session behind buffers of several batch sizes. Safe to share between threads.

    batches: ascending batch sizes, each captured here and now where the session captures graphs.

    Raises:
        DeviceError: the device has no room for the buffers, or cannot capture; onnxruntime's reason is in it.
    """

    def __init__(self, session: Any, batches: Sequence[int] = BATCHES) -> None:
        self._shape = tuple(session.get_inputs()[0].shape[1:])
        self._thread = ThreadPoolExecutor(1, "bound")
        self._buffers: tuple[Buffers, ...] = self._call(self._prepare, session, batches)

    @staticmethod
    def _prepare(session: Any, batches: Sequence[int]) -> tuple[Buffers, ...]:
        outputs = [each.name for each in session.get_outputs()]
        buffers = [Buffers(session, size, number) for number, size in enumerate(batches, 1)]
        # The largest first: what it allocates is room enough for the others.
        for each in reversed(buffers):
            black = np.zeros((each.size, *session.get_inputs()[0].shape[1:]), np.uint8)
            each.run(outputs, {PIXELS: black})
        return tuple(buffers)

    def check(self, name: str, numbers: Mapping[str, Any], provider: str) -> None:
        """Replay golden numbers through every batch size; none of them was run on their pictures before.

        Raises:
            ModelError: an output differs by more than the provider's tolerance.
            DeviceError: the device failed.
        """
        for each in self._buffers:
            self._call(golden.check, name, each, numbers, provider)

    def run(self, output_names: Sequence[str], inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """As a session's: `pixels` uint8 [n, height, width], n at least 1.

        Raises:
            ValueError: the pixels are of another shape or type.
            DeviceError: the device failed.
        """
        pixels = inputs[PIXELS]
        if pixels.shape[1:] != self._shape or pixels.dtype != np.uint8:
            height, width = self._shape
            raise ValueError(
                f"The model takes uint8 [n, {height}, {width}], not {pixels.dtype} {pixels.shape}."
            )
        fitting = (each for each in self._buffers if each.size >= len(pixels))
        return self._call(next(fitting, self._buffers[-1]).run, output_names, inputs)

    def _call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        """What a function returns on the one thread."""
        try:
            return self._thread.submit(function, *arguments).result()
        except DemoError:
            raise
        # onnxruntime's own exceptions share no base class but Exception.
        except Exception as error:
            # What follows names the machine and the place in onnxruntime's source.
            reason = f"{error}".partition("\n")[0].partition(" ; ")[0]
            raise DeviceError(f"The device did not run a batch through fixed buffers ({reason}).") from error


def bind(name: str, content: bytes, numbers: Mapping[str, Any], provider: str) -> BoundModel:
    """A discriminator behind buffers, captured where the provider is CUDA, and its golden numbers replayed.

    Raises:
        DeviceError: the provider cannot; the message says why.
        ModelError: it cannot be loaded so, or gives other numbers than when it was published.
    """
    providers: list[Any] = [(CUDA, CUDA_GRAPH_OPTIONS), CPU] if provider == CUDA else [provider]
    session = open_session(name, content, providers, may_fall_back=False)
    if session.get_providers()[0] != provider:
        raise DeviceError(f"onnxruntime did not start {provider} for fixed buffers.")
    model = BoundModel(session)
    model.check(name, numbers, provider)
    return model
