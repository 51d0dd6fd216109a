"""Resolve `auto` options to what this machine offers."""

import dataclasses
from typing import Any

import torch

from train.config import DetectorConfig, GeneratorsConfig, IsolationConfig, SomeConfig
from train.errors import ConfigError


def resolve(config: SomeConfig) -> SomeConfig:
    """Return the options with `auto` and 0 replaced by their values on this machine.

    Raises:
        ConfigError: CUDA is requested but not available.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda needs a GPU, but PyTorch finds none; use --device cpu.")
    device = ("cuda" if torch.cuda.is_available() else "cpu") if config.device == "auto" else config.device
    changes: dict[str, Any] = {"device": device, "threads": config.threads or torch.get_num_threads()}
    if config.precision == "auto":
        changes["precision"] = "bfloat16" if fast_bfloat16(device) else "float32"
    if isinstance(config, GeneratorsConfig | DetectorConfig | IsolationConfig) and not config.jobs:
        # Small networks gain little from a second thread, so use one process per core instead.
        parallel = max(1, torch.get_num_threads() // (config.threads or 1))
        changes["jobs"] = parallel if device == "cpu" else 1
    return dataclasses.replace(config, **changes)


def fast_bfloat16(device: str) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulation is slower than float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))
