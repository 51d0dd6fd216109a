"""The device that runs the models, and the report if CUDA cannot."""

import warnings

import pytest

from demo.cli import main
from demo.errors import DeviceError, ModelError
from demo.inference.engine import MODELS_FOLDER, Engine
from demo.inference.sessions import CPU, CUDA, choose_providers, cuda_obstacle, open_session


def test_auto_uses_cuda_or_reports_the_obstacle() -> None:
    providers, reason = choose_providers("auto")
    obstacle = cuda_obstacle()
    if obstacle is None:
        assert providers[0][0] == CUDA
        assert reason == ""
    else:
        assert providers == [CPU]
        assert reason == f"CUDA is not used: {obstacle}."
    assert Engine.load(device="auto").device_note.endswith(reason)


def test_requested_cuda_runs_or_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["check", "--device", "cuda", str(MODELS_FOLDER / "history.png")])
    captured = capsys.readouterr()
    if (obstacle := cuda_obstacle()) is None:
        assert status == 0
        assert Engine.load(device="cuda").provider == CUDA
    else:
        assert status == 1
        assert captured.err.count("\n") == 1
        assert obstacle in captured.err
        assert not captured.out
        with pytest.raises(DeviceError, match="Use --device cpu"):
            Engine.load(device="cuda")


def test_a_session_moved_to_the_cpu_is_never_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    if cuda_obstacle() is None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    # As on a machine with every library and no usable GPU.
    monkeypatch.setattr("demo.inference.sessions.cuda_obstacle", lambda: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DeviceError, match="could not start it"):
            Engine.load(device="cuda")
        assert "could not start it" in Engine.load(device="auto").device_note


def test_a_damaged_model_is_refused_by_name() -> None:
    with pytest.raises(ModelError, match=r"broken\.onnx cannot be loaded"):
        open_session("broken.onnx", b"not a model", [CPU])
