"""Scoring pixels on a GPU: onnxruntime against PyTorch, each as fast as it is to be had, and the roofline.

TF32 is off in both: it would be faster, and the numbers would not be the CPU's.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import DISCRIMINATOR, PIXELS
from demo.errors import ModelError
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, CUDA, CUDA_GRAPH_OPTIONS, CUDA_OPTIONS, cuda_obstacle, open_session
from export.benchmark.ceiling import Ceiling, work_of
from export.benchmark.inference import EAGER, fastest, generated_pixels
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.report import Report
from export.benchmark.resident import Contestant, Onnx, Torch, TorchGraph, in_half
from export.benchmark.rounds import Row, compare, wall_microseconds
from export.errors import ExportError
from export.half import halved
from export.halves import LOGIT_ABSOLUTE
from export.torch_twin import detector_twin

COMPILED: Final = "PyTorch, compiled (max-autotune)"
GRAPH: Final = "PyTorch, CUDA graph"
BOUND: Final = "onnxruntime, IOBinding"
ONNX_GRAPH: Final = "onnxruntime, CUDA graph"
ONNX_GRAPH_LAST: Final = "onnxruntime, CUDA graph, channels last"
ENGINE: Final = "the app's engine"
PEERS: Final = (EAGER, COMPILED, GRAPH)
CEILING: Final = "the ceiling"
NEVER_SLOWER: Final = {ONNX_GRAPH: 1.0, ONNX_GRAPH_LAST: 1.0}
SHARE: Final = {ONNX_GRAPH: 0.7, ONNX_GRAPH_LAST: 0.7}
"""Of the ceiling, which the ratio is."""
UNIT: Final = "µs a picture"
LARGEST_DIFFERENCE: Final = {torch.float32: 2e-3, torch.float16: LOGIT_ABSOLUTE}
DISTINCT: Final = 64
"""Different digits, repeated to fill a batch."""


@dataclass(frozen=True)
class Size:
    """pictures: in one measurement. part: of them at a time. repeats: of the measurement a round."""

    pictures: int
    part: int
    repeats: int


@dataclass(frozen=True)
class Sizes:
    """What is measured, and with how large matrices (side) and copies (bytes) the ceiling is."""

    batches: tuple[Size, ...] = (Size(1, 1, 300), Size(65_536, 4096, 1))
    side: int = 8192
    copied: int = 2**30


QUICK: Final = Sizes((Size(1, 1, 2), Size(6, 4, 1)), 64, 2**16)


def measure(options: Options) -> Report:
    """The product at batch 1 and 65,536 on the GPU; no row where there is none, and a note that says why.

    Raises:
        ExportError: a contestant does not give PyTorch's numbers, so that its speed means nothing.
        ModelError, DeviceError: the models cannot be read, or not run.
    """
    obstacle = cuda_obstacle() or (None if torch.cuda.is_available() else "this PyTorch has no GPU")
    if obstacle is not None:
        note = f"Not measured on CUDA: {obstacle} (demo.inference.sessions.cuda_obstacle)."
        return Report("cuda", machine(), [], [note])
    device = torch.device("cuda")
    rows, notes = measured_on(device, options, QUICK if options.quick else Sizes())
    about = f"On {torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}, TF32 off."
    return Report("cuda", machine(), rows, [about, *notes])


def measured_on(device: torch.device, options: Options, sizes: Sizes) -> tuple[list[Row], list[str]]:
    """Rows and notes for a device; on a CPU without what only CUDA has, to see that the rest runs."""
    content = Manifest.load(options.models).read(f"{DISCRIMINATOR}.onnx")
    few = torch.from_numpy(generated_pixels(options.models, DISTINCT))
    expected = logits_of(detector_twin(content), few)
    rows: list[Row] = []
    notes: list[str] = []
    with exact(), torch.inference_mode():
        for size in sizes.batches:
            chosen = torch.arange(size.pictures) % DISTINCT
            pixels = few[chosen].to(device)
            for precision in (torch.float32, torch.float16):
                found, note = raced(content, pixels, expected[chosen], precision, size, sizes, options)
                rows += found
                notes.append(note)
            rows += there_and_back(device, options, content, pixels.cpu().numpy(), size)
    return rows, notes


def raced(
    content: bytes,
    pixels: torch.Tensor,
    expected: torch.Tensor,
    precision: torch.dtype,
    size: Size,
    sizes: Sizes,
    options: Options,
) -> tuple[list[Row], str]:
    """All contestants in one precision on pixels where they lie: against eager PyTorch, against whatever of
    PyTorch is fastest, and against the ceiling; and which rate that is made of."""
    half = precision == torch.float16
    twin = detector_twin(content).to(pixels.device)
    work = work_of(twin, pixels[: size.part])
    ceiling = Ceiling(work, pixels.device, precision, sizes.side, sizes.copied)
    contestants = (
        contestants_on(in_half(twin), halved(content), pixels, size.part)
        if half
        else contestants_on(twin, content, pixels, size.part)
    )
    refuse_other_numbers(contestants, expected, LARGEST_DIFFERENCE[precision])
    task = f"{str(precision).removeprefix('torch.')} on the device, batch {size.pictures:,}"
    calls = {
        name: wall_microseconds(each.run, size.repeats, size.pictures) for name, each in contestants.items()
    }
    rows = compare(task, UNIT, calls, EAGER, options.rounds)
    best = fastest(rows, PEERS, task)
    own = {name: call for name, call in calls.items() if name not in PEERS}
    held = {best: calls[best], **own}
    rows += compare(f"{task}, against the best of PyTorch", UNIT, held, best, options.rounds, NEVER_SLOWER)
    # A single picture has no use for a device that works on thousands: there no share is aimed at.
    goals = SHARE if size.pictures > 1 else {}
    task_share = f"{task}, share of the ceiling"
    rows += compare(task_share, UNIT, {CEILING: ceiling, **own}, CEILING, options.rounds, goals)
    return rows, binding(ceiling, task)


def contestants_on(twin: nn.Module, content: bytes, pixels: torch.Tensor, part: int) -> dict[str, Contestant]:
    """Whatever the pixels' device can run: on a CPU neither graphs nor what is compiled for a GPU."""
    found: dict[str, Contestant] = {EAGER: Torch(twin, pixels, part)}
    if pixels.device.type != "cuda":
        return found | {BOUND: Onnx(session_on([CPU], content), pixels, part)}
    # Graphs and buffers of what was measured before would lie beside these.
    torch.compiler.reset()
    torch.cuda.empty_cache()
    compiled = torch.compile(twin, mode="max-autotune", dynamic=False)
    options: dict[str, Mapping[str, str]] = {
        BOUND: CUDA_OPTIONS,
        ONNX_GRAPH: CUDA_GRAPH_OPTIONS,
        ONNX_GRAPH_LAST: {**CUDA_GRAPH_OPTIONS, "prefer_nhwc": "1"},
    }
    return {
        **found,
        COMPILED: Torch(compiled, pixels, part),
        GRAPH: TorchGraph(twin, pixels, part),
        **{
            name: Onnx(session_on([(CUDA, own), CPU], content), pixels, part) for name, own in options.items()
        },
    }


def session_on(providers: list[Any], content: bytes) -> Any:
    """A session that really runs on the first of its providers.

    Raises:
        ModelError: it does not.
    """
    session = open_session(DISCRIMINATOR, content, providers, may_fall_back=False)
    wanted = providers[0] if isinstance(providers[0], str) else providers[0][0]
    if session.get_providers()[0] != wanted:
        raise ModelError(f"onnxruntime did not start {wanted}; nothing is measured.")
    return session


def binding(ceiling: Ceiling, task: str) -> str:
    """A sentence that says which rate the ceiling is made of."""
    arithmetic, memory = ceiling.arithmetic(), ceiling.memory()
    binds = "the matrix rate" if arithmetic >= memory else "the memory's bandwidth"
    work = ceiling.work
    return (
        f"{task}: a picture takes {work.operations / 1e6:.1f} million operations and "
        f"{work.values * ceiling.precision.itemsize / 1e6:.2f} MB read or written, {arithmetic:.3g} µs by "
        f"the matrix rate and {memory:.3g} µs by the bandwidth: {binds} binds."
    )


def there_and_back(
    device: torch.device, options: Options, content: bytes, pixels: NDArray[np.uint8], size: Size
) -> list[Row]:
    """From the host's memory and back, as the app scores: all outputs of all pictures."""
    twin = detector_twin(content).to(device)
    providers: list[Any] = [CPU] if device.type == "cpu" else [(CUDA, CUDA_OPTIONS), CPU]
    session = session_on(providers, content)
    engine = Engine.load(options.models, device.type, DISCRIMINATOR)
    parts = np.split(pixels, range(size.part, len(pixels), size.part))

    def eager() -> None:
        for part in parts:
            for output in twin(torch.from_numpy(part).to(device)):
                output.cpu()

    def run() -> None:
        for part in parts:
            session.run(None, {PIXELS: part})

    calls = {EAGER: eager, "onnxruntime, run": run, ENGINE: lambda: engine.score(pixels)}
    costs = {name: wall_microseconds(call, size.repeats, len(pixels)) for name, call in calls.items()}
    task = f"from the host and back, batch {size.pictures:,}"
    return compare(task, UNIT, costs, EAGER, options.rounds, {ENGINE: 1.0})


def refuse_other_numbers(contestants: Mapping[str, Contestant], expected: torch.Tensor, most: float) -> None:
    """Raises ExportError where a contestant's logits are farther than that from PyTorch's on the CPU."""
    for name, each in contestants.items():
        difference = float((each.logits().cpu() - expected).abs().max())
        # Written so that NaN fails.
        if not difference <= most:
            raise ExportError(
                f"{name} differs from PyTorch on the CPU by {difference:.3g}; nothing is measured."
            )


@torch.inference_mode()
def logits_of(module: nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    """float32 [n], of uint8 [n, 28, 28]."""
    logits: torch.Tensor = module(pixels)[1]
    return logits


@contextmanager
def exact() -> Iterator[None]:
    """Float32 that is float32, TF32 nowhere; and cuDNN's search for the fastest algorithm, which is PyTorch's
    to have where shapes stay."""
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
