"""Contestants that score pictures which lie on a device already, and leave the answers there.

`run` scores all of them, a part at a time, and returns when the device is done. `logits` gives what it finds:
float32 [n] on the device.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from demo.contract import LOGIT, PIXELS
from demo.inference.sessions import onnxruntime
from export.detector import PixelDetector

Score = Callable[[torch.Tensor], Sequence[torch.Tensor]]
"""pixels uint8 [n, 28, 28] → fake_probability, logit, and further outputs."""


class Contestant(Protocol):
    """What takes part."""

    def run(self) -> None: ...

    def logits(self) -> torch.Tensor: ...


class Torch:
    """A module, or what PyTorch compiled of it, on parts of `part` pictures."""

    def __init__(self, score: Score, pixels: torch.Tensor, part: int) -> None:
        self._score = score
        self._parts = pixels.split(part)

    def run(self) -> None:
        for part in self._parts:
            self._score(part)
        synchronize(self._parts[0].device)

    def logits(self) -> torch.Tensor:
        # A compiled module writes its next answer over this one.
        return torch.cat([self._score(part)[1].clone() for part in self._parts])


class TorchGraph:
    """All parts captured as one CUDA graph (torch.cuda.graph), and replayed."""

    def __init__(self, score: Score, pixels: torch.Tensor, part: int) -> None:
        self._device = pixels.device
        parts = pixels.split(part)
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        # What is allocated and searched for at first must not be captured.
        with torch.cuda.stream(aside):
            for _ in range(3):
                score(parts[0])
                score(parts[-1])
        torch.cuda.current_stream().wait_stream(aside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._found = [score(each)[1] for each in parts]

    def run(self) -> None:
        self._graph.replay()
        synchronize(self._device)

    def logits(self) -> torch.Tensor:
        # A replay that does nothing must not pass for one that works.
        for found in self._found:
            found.zero_()
        self.run()
        return torch.cat(self._found)


class Onnx:
    """A session whose inputs and outputs are bound, for each part its own: nothing is copied.

    Where the session captures CUDA graphs each part is a graph of its own.
    """

    def __init__(self, session: Any, pixels: torch.Tensor, part: int) -> None:
        module = onnxruntime()
        wrap = module.OrtValue.from_dlpack
        self._session = session
        self._runs: list[tuple[Any, Any]] = []
        self.outputs: list[dict[str, torch.Tensor]] = []
        for number, each in enumerate(pixels.split(part), 1):
            outputs = {
                output.name: torch.empty((len(each), *output.shape[1:]), device=pixels.device)
                for output in session.get_outputs()
            }
            binding = session.io_binding()
            binding.bind_ortvalue_input(PIXELS, wrap(each))
            for name, tensor in outputs.items():
                binding.bind_ortvalue_output(name, wrap(tensor))
            options = module.RunOptions()
            options.add_run_config_entry("gpu_graph_id", str(number))
            self._runs.append((binding, options))
            self.outputs.append(outputs)
        # onnxruntime's stream does not wait for PyTorch's.
        synchronize(pixels.device)

    def run(self) -> None:
        # Each returns when the device is done with it.
        for binding, options in self._runs:
            self._session.run_with_iobinding(binding, options)

    def logits(self) -> torch.Tensor:
        self.run()
        # A replay that does nothing must not pass for one that works.
        logits = [outputs[LOGIT].zero_() for outputs in self.outputs]
        synchronize(logits[0].device)
        self.run()
        return torch.cat(logits)


class Cast(nn.Module):
    """A tensor in another type."""

    def __init__(self, to: torch.dtype) -> None:
        super().__init__()
        self.to_type = to

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self.to_type)


def in_half(twin: PixelDetector) -> PixelDetector:
    """The twin itself, in float16 where `export.half.halved` is; channels last, as float16's units want."""
    trunk, heads = twin.detector.get_submodule("trunk"), twin.detector.get_submodule("heads")
    half = trunk.half().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    twin.detector.add_module("trunk", nn.Sequential(Cast(torch.float16), half))
    twin.detector.add_module("heads", nn.Sequential(Cast(torch.float32), heads))
    return twin


def synchronize(device: torch.device) -> None:
    """Wait until a device has done what it was told; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
