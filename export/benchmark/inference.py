"""Scoring 28x28 pixels: the published files against PyTorch and OpenVINO on one core, and on CUDA."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import DISCRIMINATOR, LOGIT, MLP_DISCRIMINATOR, PIXELS
from demo.errors import DeviceError
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, open_session
from export.benchmark.harness import Options, Report, Row, in_turn, microseconds, report, rows_from
from export.errors import ExportError
from export.rebuild import rebuild_detector, rebuild_mlp

REPEATS: Final = {1: 60, 16: 12, 256: 1}
"""Batch size → how often it is scored per round."""
GPU_BATCHES: Final = (1, 256, 4096)
EAGER: Final = "PyTorch eager"
OPENVINO_PRECISIONS: Final = {"OpenVINO, float32": "f32", "OpenVINO, bfloat16": "bf16"}
LARGEST_DIFFERENCE: Final = 1e-3
"""Of a logit from PyTorch's."""
UNIT: Final = "µs a picture"
SEED: Final = 0

Score = Callable[[dict[str, NDArray[np.uint8]]], Any]
"""A function that scores `pixels`, uint8 [batch, 28, 28]."""


def measure(options: Options) -> Report:
    """Time every published discriminator at several batch sizes, in processor time of one thread.

    Raises:
        ExportError: a file's numbers differ from PyTorch's, so its speed means nothing.
        ModelError: the models cannot be read.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            rows, notes = on_one_core(options)
    finally:
        torch.set_num_threads(threads)
    try:
        engine = Engine.load(options.models, "cuda", DISCRIMINATOR)
        rows += on_device(engine, torch.device("cuda"), options)
    except DeviceError as error:
        notes.append(f"Not measured on CUDA: {error}")
    return report("inference", rows, notes)


def on_one_core(options: Options) -> tuple[list[Row], list[str]]:
    """Return rows for the detector's and the tutorial's files, and notes on what each file is worth."""
    manifest = Manifest.load(options.models)
    pixels = generated_pixels(options.models, max(REPEATS))
    names = manifest.names("discriminator")
    tutorials = [name for name in names if name.startswith(MLP_DISCRIMINATOR)]
    detectors = [name for name in names if name not in tutorials]
    content = manifest.read(f"{DISCRIMINATOR}.onnx")
    mlp_content = manifest.read(f"{MLP_DISCRIMINATOR}.onnx")
    contestants = {
        "detector": scorers(manifest, detectors, rebuild_detector(content), pixels)
        | openvino_scorers(content),
        "tutorial discriminator": scorers(manifest, tutorials, rebuild_mlp(mlp_content), pixels),
    }
    rows: list[Row] = []
    for batch, repeats in REPEATS.items():
        part, times = {PIXELS: pixels[:batch]}, 1 if options.quick else repeats
        for what, scores in contestants.items():
            calls = {name: microseconds(partial(score, part), times, batch) for name, score in scores.items()}
            rows += rows_from(f"{what}, batch {batch}", UNIT, in_turn(calls, options.rounds), EAGER)
    entries = {name: manifest.files[f"{name}.onnx"] for name in names}
    notes = [variant_note(name, entry) for name, entry in entries.items() if "distance" in entry]
    if not find_spec("openvino"):
        notes.append("OpenVINO is not installed here, so it is not measured: pip install openvino.")
    return rows, notes


def on_device(engine: Engine, device: torch.device, options: Options) -> list[Row]:
    """Compare the app's engine with PyTorch, from host memory and back, in wall time; TF32 is off in both.

    Raises:
        ExportError: the engine's numbers differ from PyTorch's.
    """
    network = rebuild_detector(engine.manifest.read(f"{DISCRIMINATOR}.onnx")).to(device)
    digits = generated_pixels(options.models, max(REPEATS))
    rows: list[Row] = []
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        for batch in GPU_BATCHES[:1] if options.quick else GPU_BATCHES:
            pixels = np.resize(digits, (batch, *digits.shape[1:]))

            def eager(pixels: NDArray[np.uint8] = pixels) -> list[NDArray[np.float32]]:
                return [output.cpu().numpy() for output in network(torch.from_numpy(pixels).to(device))]

            def run(pixels: NDArray[np.uint8] = pixels) -> NDArray[np.float32]:
                return engine.score(pixels).logit

            refuse_difference(DISCRIMINATOR, run(), eager()[1])
            calls = {
                name: microseconds(call, 1 if options.quick else 20, batch, time.perf_counter)
                for name, call in ((EAGER, eager), (f"the app's engine, {engine.provider}", run))
            }
            costs = in_turn(calls, options.rounds)
            rows += rows_from(f"detector on {device.type}, batch {batch}", UNIT, costs, EAGER)
    return rows


def variant_note(name: str, entry: Mapping[str, Any]) -> str:
    """Return what an int8 file costs in accuracy, from its entry in the manifest."""
    distance = entry["distance"]
    return (
        f"{name}: {entry['size']:,} bytes. Compared with {entry['variant_of']}, AUROC on held-out fakes "
        f"falls by {distance['auroc']:.4f} on average and by {distance['auroc_worst']:.4f} in the worst "
        f"group ({distance['worst']}); {distance['verdicts']:.1%} of the verdicts differ."
    )


def generated_pixels(models: Path, count: int) -> NDArray[np.uint8]:
    """Return generated digits, uint8 [count, 28, 28]: speed may depend on how many pixels are zero."""
    engine = Engine.load(models, "cpu")
    return engine.generate(engine.default_generator, count, SEED)


def scorers(
    manifest: Manifest, names: Sequence[str], network: nn.Module, pixels: NDArray[np.uint8]
) -> dict[str, Score]:
    """Return PyTorch and, for each file, a session of one thread; the first file must match PyTorch.

    Raises:
        ExportError: it does not.
    """
    sessions = {name: open_session(name, manifest.read(f"{name}.onnx"), [CPU], threads=1) for name in names}
    logits = sessions[names[0]].run([LOGIT], {PIXELS: pixels})[0]
    refuse_difference(names[0], logits, network(torch.from_numpy(pixels))[1].numpy())
    return {
        EAGER: lambda part: network(torch.from_numpy(part[PIXELS])),
        **{name: partial(session.run, None) for name, session in sessions.items()},
    }


def refuse_difference(name: str, found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Raise ExportError if logits differ from PyTorch's, or are NaN."""
    difference = float(np.abs(found - expected).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(f"{name}.onnx differs from PyTorch by {difference:.3g}; publish it again.")


def openvino_scorers(content: bytes) -> dict[str, Score]:
    """Return OpenVINO in each precision, one thread; {} if it is not installed."""
    if not find_spec("openvino"):
        return {}
    core = import_module("openvino").Core()
    found: dict[str, Score] = {}
    for name, precision in OPENVINO_PRECISIONS.items():
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        request = core.compile_model(core.read_model(content), "CPU", options).create_infer_request()
        found[name] = partial(request.infer, share_inputs=True)
    return found
