"""What a benchmark ran on: figures mean nothing without it."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

LIBRARIES: Final = ("torch", "onnxruntime", "onnxruntime-gpu", "onnx", "numpy", "pillow", "gradio")
FEATURES: Final = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8")


def machine(libraries: Sequence[str] = ()) -> dict[str, Any]:
    """The processor, what of its features matters here, the memory, and the versions of the libraries.

    libraries: further ones that a part of the benchmark uses. What the system does not tell is left out.
    """
    told = processor()
    return {
        "processor": told.get("model name", platform.processor() or platform.machine()),
        "features": [feature for feature in FEATURES if feature in told.get("flags", "").split()],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: found for name in (*LIBRARIES, *libraries) if (found := installed(name))},
    }


def processor() -> dict[str, str]:
    """The first processor's entry in /proc/cpuinfo; empty where there is none."""
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    return {
        name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())
    }


def installed(name: str) -> str | None:
    """A library's version, or None where it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
