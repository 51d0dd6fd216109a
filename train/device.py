"""What `auto` means on this machine."""

import dataclasses
from typing import Any

import torch

from train.config import DetectorConfig, DistilConfig, GeneratorsConfig, SomeConfig, TutorialConfig
from train.errors import ConfigError


def resolve(config: SomeConfig) -> SomeConfig:
    """The same options with `auto` and 0 replaced by what they mean on this machine.

    Raises:
        ConfigError: a GPU was asked for and there is none.
    """
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("--device cuda was asked for, but PyTorch finds no working GPU; use --device cpu.")
    device = ("cuda" if torch.cuda.is_available() else "cpu") if config.device == "auto" else config.device
    changes: dict[str, Any] = {"device": device, "threads": config.threads or torch.get_num_threads()}
    layered = TutorialConfig | GeneratorsConfig | DetectorConfig | DistilConfig
    if isinstance(config, layered) and config.precision == "auto":
        changes["precision"] = "bfloat16" if fast_bfloat16(device) else "float32"
    if isinstance(config, GeneratorsConfig | DetectorConfig) and not config.jobs:
        # Small networks gain little from a second thread: one a part, and a part a core.
        parallel = max(1, torch.get_num_threads() // (config.threads or 1))
        changes["jobs"] = parallel if device == "cpu" else 1
    return dataclasses.replace(config, **changes)


def fast_bfloat16(device: str) -> bool:
    """Whether products of bfloat16 are the faster: on GPUs and CPUs that have units for them."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))
