"""Scoring pixels on one processor core: the published files against PyTorch and against OpenVINO."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from demo.contract import DISCRIMINATOR, GENERATOR, LOGIT, MLP_DISCRIMINATOR, PIXELS
from demo.inference.engine import Engine
from demo.inference.manifest import Manifest
from demo.inference.sessions import CPU, onnxruntime
from export.benchmark.machine import machine
from export.benchmark.options import Options
from export.benchmark.report import Report
from export.benchmark.rounds import Row, compare, cpu_microseconds
from export.errors import ExportError
from export.rebuild import rebuild_detector, rebuild_mlp

REPEATS: Final = {1: 60, 16: 12, 256: 1}
"""Batch → how often it is scored a round."""
EAGER: Final = "PyTorch eager"
GOALS: Final = {1: 12.0, 16: 8.0, 256: 6.0}
OPENVINO_PRECISIONS: Final = {"OpenVINO, float32": "f32", "OpenVINO, bfloat16": "bf16"}
LARGEST_DIFFERENCE: Final = 1e-3
SEED: Final = 0
MISSING: Final = "OpenVINO is not installed here, so nothing is held against it: pip install openvino."

Score = Callable[[NDArray[np.uint8]], Any]


def measure(options: Options) -> Report:
    """Every published discriminator at several batch sizes, in processor time of one thread.

    Raises:
        ExportError: a reference file does not give PyTorch's numbers, so that its speed means nothing.
        ModelError: the models cannot be read.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            return report(options)
    finally:
        torch.set_num_threads(threads)


def report(options: Options) -> Report:
    """What `measure` gives, with whatever threads PyTorch has."""
    manifest = Manifest.load(options.models)
    pixels = generated_pixels(options.models, max(REPEATS))
    names = manifest.names("discriminator")
    tutorials = [name for name in names if name.startswith(MLP_DISCRIMINATOR)]
    products = [name for name in names if name not in tutorials]
    content = manifest.read(f"{DISCRIMINATOR}.onnx")
    product = scorers(manifest, products, DISCRIMINATOR, rebuild_detector(content), pixels)
    product |= openvino_scorers(content)
    tutorial = scorers(
        manifest,
        tutorials,
        MLP_DISCRIMINATOR,
        rebuild_mlp(manifest.read(f"{MLP_DISCRIMINATOR}.onnx")),
        pixels,
    )
    rows: list[Row] = []
    for batch, repeats in REPEATS.items():
        part, times = pixels[:batch], 1 if options.quick else repeats
        goals = {name: GOALS[batch] for name in products if name != DISCRIMINATOR}
        rows += timed(f"the product, batch {batch}", product, EAGER, part, times, options, goals)
        if peers := [name for name in OPENVINO_PRECISIONS if name in product]:
            chosen = {name: product[name] for name in (*products, *peers)}
            best = fastest(rows, peers, f"the product, batch {batch}")
            goals = {name: 1.0 for name in products if name != DISCRIMINATOR}
            task = f"the product against {best}, batch {batch}"
            rows += timed(task, chosen, best, part, times, options, goals)
        rows += timed(f"the tutorial's, batch {batch}", tutorial, EAGER, part, times, options, {})
    noted = [*products, *(name for name in tutorials if name != MLP_DISCRIMINATOR)]
    notes = [quality(name, manifest.files[f"{name}.onnx"]) for name in noted]
    if not find_spec("openvino"):
        notes.append(MISSING)
    return Report("inference", machine(("openvino",)), rows, notes)


def quality(name: str, entry: Mapping[str, Any]) -> str:
    """What a published file is worth beside its speed, in the figures of its manifest's entry."""
    if "distance" in entry:
        distance = entry["distance"]
        return (
            f"{name}: {entry['size']:,} bytes; AUROC {distance['auroc']:.4f} less than {entry['variant_of']} "
            f"in the mean of all groups of held-out fakes, {distance['auroc_worst']:.4f} in the worst "
            f"({distance['worst']}); {distance['verdicts']:.1%} of the verdicts differ."
        )
    metrics = entry["metrics"]
    return (
        f"{name}: {entry['size']:,} bytes; AUROC on test digits and the worst generator it learnt from "
        f"{metrics['auroc_worst_generator_seen']:.4f}, in the wild "
        f"{metrics['auroc_worst_generator_seen_in_the_wild']:.4f}."
    )


def generated_pixels(models: Path, count: int) -> NDArray[np.uint8]:
    """Digits as they reach the discriminator, uint8 [count, 28, 28]: speed may depend on how much is zero."""
    engine = Engine.load(models, "cpu")
    name = GENERATOR if GENERATOR in engine.generators else engine.default_generator
    return engine.generate(name, count, SEED)


def scorers(
    manifest: Manifest, names: Sequence[str], reference: str, twin: nn.Module, pixels: NDArray[np.uint8]
) -> dict[str, Score]:
    """PyTorch and a session of one thread for each file, by name, where the reference gives its numbers."""
    sessions = {name: one_thread_session(manifest.read(f"{name}.onnx")) for name in names}
    expected = twin(torch.from_numpy(pixels))[1].numpy()
    difference = float(np.abs(sessions[reference].run([LOGIT], {PIXELS: pixels})[0] - expected).max())
    # Written so that NaN fails.
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(f"{reference}.onnx differs from PyTorch by {difference:.3g}; publish it again.")
    return {
        EAGER: lambda part: twin(torch.from_numpy(part)),
        **{name: session_score(session) for name, session in sessions.items()},
    }


def one_thread_session(content: bytes) -> Any:
    """A session that uses one thread and does not spin while it waits."""
    module = onnxruntime()
    options = module.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return module.InferenceSession(content, options, providers=[CPU])


def session_score(session: Any) -> Score:
    """What scores pixels by a session, all of its outputs."""
    return lambda part: session.run(None, {PIXELS: part})


def openvino_scorers(content: bytes) -> dict[str, Score]:
    """OpenVINO on the same file in each precision, one thread; empty where it is not installed."""
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
        found[name] = openvino_score(request)
    return found


def openvino_score(request: Any) -> Score:
    """What scores pixels by a request of OpenVINO, which it need not copy them for."""
    return lambda part: request.infer({PIXELS: part}, share_inputs=True)


def timed(
    task: str,
    contestants: Mapping[str, Score],
    reference: str,
    pixels: NDArray[np.uint8],
    repeats: int,
    options: Options,
    goals: Mapping[str, float],
) -> list[Row]:
    """Rows of processor time, in µs a picture."""
    calls = {
        name: cpu_microseconds(lambda score=score: score(pixels), repeats, len(pixels))  # type: ignore[misc]
        for name, score in contestants.items()
    }
    return compare(task, "µs a picture", calls, reference, options.rounds, goals)


def fastest(rows: Sequence[Row], names: Sequence[str], task: str) -> str:
    """Which of some contestants at a task costs least."""
    return min(
        (row for row in rows if row.task == task and row.contestant in names), key=lambda row: row.cost.median
    ).contestant
