"""What can go wrong in training, as one tree. Each message is one line and ends with the way out.

TrainError
├── ConfigError   an option is outside its range, or contradicts the run it resumes
├── DataError     a data set is missing, truncated or not the one it should be
└── RunError      a run's folder cannot be written, or a snapshot in it cannot be read
"""


class TrainError(Exception):
    """Base of every error that training raises on purpose."""


class ConfigError(TrainError):
    """An option is outside its range, or contradicts the run it resumes."""


class DataError(TrainError):
    """A data set is missing, truncated or not the one it should be."""


class RunError(TrainError):
    """A run's folder cannot be written, or a snapshot in it cannot be read."""
