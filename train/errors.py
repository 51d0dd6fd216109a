"""Errors that training raises on purpose. Each message is one line: what is wrong, and what to do.

TrainError
├── ConfigError   an option is out of range, or contradicts the run that it resumes
├── DataError     a data set is missing, truncated or not the expected one
└── RunError      a run's folder cannot be written, or a file in it cannot be read
"""


class TrainError(Exception):
    """Base of all errors of this package."""


class ConfigError(TrainError):
    """An option is out of range, or contradicts the run that it resumes."""


class DataError(TrainError):
    """A data set is missing, truncated or not the expected one."""


class RunError(TrainError):
    """A run's folder cannot be written, or a file in it cannot be read."""
