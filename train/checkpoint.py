"""Snapshots: all tensors of a training state in one safetensors file, written atomically.

Nothing is pickled. Values that are not tensors are stored as JSON in the file's header.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from train.errors import RunError

HEADER_KEY = "touchstone"


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that the path always holds the whole old content or the whole new one.

    Raises:
        RunError: the disk is full or the folder is not writable; the old content is intact.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise RunError(
            f"{path} cannot be written ({error.strerror}); earlier files are intact. Free some space or fix "
            "the folder's permissions, then run the command again, a training with --resume."
        ) from error


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file like `write_atomically`."""
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def save_snapshot(path: Path, tensors: Mapping[str, torch.Tensor], header: Mapping[str, Any]) -> None:
    """Save tensors and a JSON header; raise RunError if the file cannot be written."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomically(path, save(plain, metadata={HEADER_KEY: json.dumps(header)}))


def load_snapshot(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return a snapshot's tensors, on the CPU, and its header.

    Raises:
        RunError: the file is missing, damaged or not a snapshot.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})[HEADER_KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, header  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RunError(
            f"{path} is not a readable snapshot ({error}); delete it to resume from the one before."
        ) from error


def prefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors with `prefix.` added to their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def unprefixed(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors whose names begin with `prefix.`, without it."""
    start = f"{prefix}."
    return {name[len(start) :]: tensor for name, tensor in tensors.items() if name.startswith(start)}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """Return an optimiser's state as tensors named `INDEX.NAME`, by the index of the parameter."""
    state = optimizer.state_dict()["state"]
    return {f"{index}.{name}": value for index, values in state.items() for name, value in values.items()}


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor]) -> None:
    """Restore a state from `optimizer_tensors`; the optimiser keeps its own options, such as the rate."""
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = tensor
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    # Loaded tensors are contiguous; a fused update expects the parameter's own memory format.
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            values = optimizer.state[parameter]
            for name, value in values.items():
                if value.shape == parameter.shape:
                    values[name] = torch.empty_like(parameter).copy_(value)
