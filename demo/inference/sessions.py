"""onnxruntime sessions, and the devices that can run them."""

import contextlib
import ctypes
import importlib
import io
import os
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from demo.environment import available_cores, disable_telemetry
from demo.errors import DeviceError, ModelError

CPU: Final = "CPUExecutionProvider"
CUDA: Final = "CUDAExecutionProvider"

CUDA_OPTIONS: Final = {
    # TF32 keeps 10 bits of mantissa: fast, but results differ from the CPU's by up to 2e-3.
    "use_tf32": "0",
    # The default, EXHAUSTIVE, searches again for each shape and may choose differently in each session.
    "cudnn_conv_algo_search": "HEURISTIC",
    # The default, fixed here: copies on a separate stream would race with the computation.
    "do_copy_in_default_stream": "1",
}


def onnxruntime() -> ModuleType:
    """Import onnxruntime at first use, with its telemetry (on by default since 1.29) disabled."""
    disable_telemetry()
    return importlib.import_module("onnxruntime")


def choose_providers(device: str) -> tuple[list[Any], str]:
    """Return the execution providers for `auto`, `cpu` or `cuda`, and why `auto` means the CPU ("" if not).

    Raises:
        DeviceError: `cuda` was asked for and cannot run here; names the missing library.
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
    """Return why CUDA cannot run here, or None if libraries and driver are in place.

    onnxruntime itself falls back to the CPU without an error. Loading its provider by hand gives the
    loader's message, which names the missing library.
    """
    module = onnxruntime()
    if CUDA not in module.get_available_providers():
        return 'this onnxruntime is built without it (pip install ".[cuda]" brings one that has it)'
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError as error:
        return f"the NVIDIA driver is missing ({error})"
    # It prints each library that it cannot find; the message below names the one that matters.
    with contextlib.redirect_stdout(io.StringIO()):
        module.preload_dlls()
    folder = Path(str(module.__file__)).parent / "capi"
    start, end = ("", ".dll") if os.name == "nt" else ("lib", ".so")
    try:
        for part in ("shared", "cuda"):
            ctypes.CDLL(str(folder / f"{start}onnxruntime_providers_{part}{end}"), mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        return f"a library is missing ({error}; pip install \".[cuda]\" brings CUDA's and cuDNN's)"
    return None


def open_session(
    name: str, content: bytes, providers: list[Any], threads: int = 0, *, arena: bool = True
) -> Any:
    """Open a session on a model's bytes; with bytes instead of a path no external data can be loaded.

    A provider that cannot start leaves the session to the CPU: see `get_providers()`. threads: the most that
    one run uses on the CPU; 0 for all cores that this process may use. arena: keep memory between runs, which
    is faster for large batches; without it the memory of a large picture goes back to the system.

    Raises:
        ModelError: onnxruntime cannot load the model.
    """
    module = onnxruntime()
    options = module.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads or available_cores()
    options.enable_cpu_mem_arena = arena
    # For a model given as bytes onnxruntime looks for external data in the working folder; point it nowhere.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", os.devnull)
    # Spinning between runs takes the cores from the decoders and the other sessions, and doubles the time
    # to open a session.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = module.InferenceSession(content, options, providers=providers)
    # onnxruntime's exceptions share no base class but Exception.
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{name} cannot be loaded by onnxruntime {module.__version__}: {reason}") from error
    # A provider that fails later raises, instead of being replaced with no more than a printed line.
    session.disable_fallback()
    return session
