"""onnxruntime: which device really runs, and sessions on it."""

import contextlib
import ctypes
import importlib
import io
import os
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from demo.environment import switch_telemetry_off
from demo.errors import DeviceError, ModelError

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

CUDA_OPTIONS: Final = {
    # TF32 keeps 10 bits of mantissa: fast, but then the number differs from the CPU's by up to 2e-3.
    "use_tf32": "0",
    # The default, EXHAUSTIVE, searches anew for each shape and may choose differently in each session.
    "cudnn_conv_algo_search": "HEURISTIC",
    # The default, and to stay so: on a stream of their own copies race with what is computed.
    "do_copy_in_default_stream": "1",
}
CUDA_GRAPH_OPTIONS: Final = {
    **CUDA_OPTIONS,
    "enable_cuda_graph": "1",
    # The shapes are few, and each is searched once, before its graph is captured: here it pays.
    "cudnn_conv_algo_search": "EXHAUSTIVE",
    # Buffers are allocated once: the default, to double with each request, would leave half of it idle.
    # gpu_mem_limit stays open: one that is too small would be an error in the midst of serving.
    "arena_extend_strategy": "kSameAsRequested",
}


def onnxruntime() -> ModuleType:
    """The module, imported at first use with its telemetry (on by default since 1.29) switched off."""
    switch_telemetry_off()
    return importlib.import_module("onnxruntime")


def giving_back() -> Any:
    """Options of a run after which the memory that it took goes back to the system."""
    options = onnxruntime().RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def choose_providers(device: str) -> tuple[list[Any], str]:
    """The execution providers for `auto`, `cpu` or `cuda`, and why these, as a sentence ("" for no reason).

    Raises:
        DeviceError: `cuda` was asked for and cannot run here; names the library that is missing.
    """
    if device == "cpu":
        return [CPU], ""
    obstacle = cuda_obstacle()
    if obstacle is None:
        return [(CUDA, CUDA_OPTIONS), CPU], ""
    if device == "cuda":
        raise DeviceError(
            f"CUDA was asked for, but {obstacle}. Use --device cpu, or --device auto to fall back."
        )
    return [CPU], f"CUDA is not used: {obstacle}."


def cuda_obstacle() -> str | None:
    """Why CUDA cannot run here, or None where it can as far as libraries and driver go.

    onnxruntime itself falls back to the CPU without an error, so its provider is loaded by hand:
    the loader's message names the library that is missing.
    """
    module = onnxruntime()
    if CUDA not in module.get_available_providers():
        return 'this onnxruntime is built without it (pip install ".[cuda]" brings one that has it)'
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError as error:
        return f"the NVIDIA driver is missing ({error})"
    # It prints what it cannot find; what matters of that is said below.
    with contextlib.redirect_stdout(io.StringIO()):
        module.preload_dlls()
    return provider_obstacle(Path(str(module.__file__)).parent / "capi")


def provider_obstacle(folder: Path) -> str | None:
    """Which library onnxruntime's CUDA provider, in this folder, lacks; None where it loads."""
    names = (
        ("onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll")
        if os.name == "nt"
        else ("libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so")
    )
    try:
        for name in names:
            ctypes.CDLL(str(folder / name), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return f"a library is missing ({error}; pip install \".[cuda]\" brings CUDA's and cuDNN's)"
    return None


def open_session(
    name: str, content: bytes, providers: list[Any], may_fall_back: bool = True, threads: int = 0
) -> Any:
    """A session over a model's bytes; bytes rather than a path shut out external data.

    may_fall_back: whether a provider that fails leaves the session to the CPU, which onnxruntime prints.
    threads: that one run uses on the CPU at most; 0 for as many as there are cores.

    Raises:
        ModelError: onnxruntime cannot load the model.
    """
    module = onnxruntime()
    options = module.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # Of a model given as bytes onnxruntime looks for external data in the working folder: nothing lies there.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    # By default a session's threads turn in circles between runs, to be there sooner: they take the cores
    # from the decoders and from each other's sessions, and even opening one costs twice as much.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return module.InferenceSession(content, options, providers=providers, enable_fallback=may_fall_back)
    # onnxruntime's own exceptions share no base class but Exception.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{name} cannot be loaded by onnxruntime {module.__version__}: {reason}") from error
