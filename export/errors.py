"""What can go wrong in export, as one tree.

ExportError
├── ParityError    a file's numbers differ from PyTorch's
└── PublishError   the models folder cannot be written
"""

from collections.abc import Sequence
from typing import Any


class ExportError(Exception):
    """Base of every error that export raises on purpose."""


class ParityError(ExportError):
    """A file's numbers differ from PyTorch's: nothing is published. `report` holds the comparisons made."""

    def __init__(self, name: str, message: str, report: Sequence[Any]) -> None:
        super().__init__(f"{name} {message}")
        self.file = f"{name}.onnx"
        self.report = report


class PublishError(ExportError):
    """The models folder cannot be written, or a file breaks a limit of the contract."""
