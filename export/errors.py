"""What can go wrong in export, as one tree.

ExportError
├── ParityError    a file's numbers differ from PyTorch's
└── PublishError   the models folder cannot be written
"""


class ExportError(Exception):
    """Base of every error that export raises on purpose."""


class ParityError(ExportError):
    """A file's numbers differ from PyTorch's: nothing is published."""


class PublishError(ExportError):
    """The models folder cannot be written, or a file breaks a limit of the contract."""
