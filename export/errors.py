"""Errors that export raises on purpose."""

from collections.abc import Sequence
from typing import Any


class ExportError(Exception):
    """Base class of these errors."""


class ParityError(ExportError):
    """A file's numbers differ from PyTorch's, so nothing is published. `report`: the comparisons made."""

    def __init__(self, name: str, message: str, report: Sequence[Any]) -> None:
        super().__init__(f"{name} {message}")
        self.file = f"{name}.onnx"
        self.report = report


class PublishError(ExportError):
    """A folder cannot be written, or a file breaks a limit of the contract."""
