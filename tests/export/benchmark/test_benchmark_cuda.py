"""The benchmark on a GPU, as far as a CPU goes: who takes part, that numbers agree, what the ceiling is."""

import dataclasses
import math

import onnxruntime
import pytest
import torch
from torch import nn

from demo.contract import PICTURE_SHAPE, PIXELS
from demo.inference.engine import MODELS_FOLDER
from demo.inference.sessions import CPU, cuda_obstacle
from export.artifact import noise_pictures
from export.benchmark.ceiling import Ceiling, Work, work_of
from export.benchmark.cuda import (
    BOUND,
    CEILING,
    ENGINE,
    QUICK,
    exact,
    measure,
    measured_on,
    refuse_other_numbers,
    session_on,
)
from export.benchmark.inference import EAGER
from export.benchmark.options import Options
from export.benchmark.resident import Contestant, Onnx, Torch
from export.errors import ExportError
from export.product import OUTPUTS
from export.torch_twin import detector_twin

DEVICE = torch.device("cpu")
NO_GPU = cuda_obstacle() is not None or not torch.cuda.is_available()


@pytest.fixture(scope="module")
def content() -> bytes:
    return (MODELS_FOLDER / "discriminator.onnx").read_bytes()


@pytest.mark.skipif(not NO_GPU, reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_measures_nothing() -> None:
    report = measure(Options(quick=True))
    assert report.part == "cuda"
    assert list(report.rows) == []
    (note,) = report.notes
    assert note.startswith("Not measured on CUDA: ")
    assert str(cuda_obstacle()) in note


def test_all_that_a_cpu_can_run_of_it_runs() -> None:
    sizes = dataclasses.replace(QUICK, batches=QUICK.batches[1:])
    rows, notes = measured_on(DEVICE, Options(1, MODELS_FOLDER, quick=True), sizes)
    expected = []
    for precision in ("float32", "float16"):
        task = f"{precision} on the device, batch 6"
        best = f"{task}, against the best of PyTorch"
        share = f"{task}, share of the ceiling"
        expected += [(task, EAGER), (task, BOUND), (best, EAGER), (best, BOUND)]
        expected += [(share, CEILING), (share, BOUND)]
    there = "from the host and back, batch 6"
    expected += [(there, EAGER), (there, "onnxruntime, run"), (there, ENGINE)]
    assert [(row.task, row.contestant) for row in rows] == expected
    figures = [row.cost.median for row in rows] + [row.ratio.median for row in rows if row.ratio]
    assert all(math.isfinite(figure) and figure > 0 for figure in figures)
    assert len(notes) == 2
    assert all(note.endswith(" binds.") for note in notes)


@pytest.mark.skipif(NO_GPU, reason="there is no GPU")
def test_on_a_gpu_all_take_part() -> None:
    report = measure(Options(2, MODELS_FOLDER, quick=True))
    contestants = {row.contestant for row in report.rows}
    assert len(contestants) == 9
    assert all(math.isfinite(row.cost.median) and row.cost.median > 0 for row in report.rows)


@pytest.mark.parametrize("part", [1, 4, 10])
def test_in_parts_of_any_size_the_numbers_are_the_module_s(content: bytes, part: int) -> None:
    pixels = torch.from_numpy(noise_pictures(10, PICTURE_SHAPE, 0) // 4)
    twin = detector_twin(content)
    with torch.inference_mode():
        expected = twin(pixels)[1]
        contestants: dict[str, Contestant] = {
            "eager": Torch(twin, pixels, part),
            "bound": Onnx(session_on([CPU], content), pixels, part),
        }
        for each in contestants.values():
            each.run()
        refuse_other_numbers(contestants, expected, 1e-4)
        with pytest.raises(ExportError, match=r"eager differs .* by 1; nothing is measured"):
            refuse_other_numbers(contestants, expected + 1, 1e-4)
        with pytest.raises(ExportError, match="by nan"):
            refuse_other_numbers(contestants, expected * torch.nan, 1e-4)


def test_bound_outputs_are_all_of_the_session_s(content: bytes) -> None:
    pixels = noise_pictures(5, PICTURE_SHAPE, 0)
    contestant = Onnx(session_on([CPU], content), torch.from_numpy(pixels), 2)
    contestant.run()
    session = onnxruntime.InferenceSession(content, providers=[CPU])
    for name, expected in zip(OUTPUTS, session.run(list(OUTPUTS), {PIXELS: pixels}), strict=True):
        found = torch.cat([each[name] for each in contestant.outputs]).numpy()
        assert found == pytest.approx(expected, abs=1e-4)


def test_the_work_is_what_the_layers_do() -> None:
    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(1, 2, 3, padding=1, bias=False)
            self.last = nn.Linear(2 * 28 * 28, 10, bias=False)

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.last(self.first(pixels[:, None].float()).flatten(1))
            return logits

    network = Network()
    pixels = torch.zeros(4, 28, 28, dtype=torch.uint8)
    area = 28 * 28
    operations = 2 * (area * 2 * 9 + 2 * area * 10)
    weights = 2 * 9 + 2 * area * 10
    assert work_of(network, pixels) == Work(operations, area + 2 * area + 2 * area + 10 + weights / 4)
    # Its hooks are gone.
    assert not any(layer._forward_hooks for layer in network.modules())


def test_the_ceiling_is_the_slower_of_the_two_rates() -> None:
    much = 1e12
    for work, slower in ((Work(much, 1), "arithmetic"), (Work(1, much), "memory")):
        ceiling = Ceiling(work, DEVICE, torch.float32, 64, 2**16)
        assert ceiling() > 1e3
        assert (ceiling.arithmetic() > ceiling.memory()) == (slower == "arithmetic")


def test_exact_leaves_what_was_set_before() -> None:
    def settings() -> tuple[str, bool, bool]:
        cudnn = torch.backends.cudnn
        return torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark

    before = settings()
    with exact():
        assert settings() == ("highest", False, True)
    assert settings() == before
