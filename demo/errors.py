"""What can go wrong in the demo, as one tree. Each message is a sentence for the person who sees it.

DemoError
├── PictureError   a picture cannot be judged
├── RequestError   an argument is outside its range
├── ModelError     a model file is missing, altered, or gives other numbers than when published
├── DeviceError    the device that was asked for cannot run
├── PageError      the page that needs no server cannot be put together
└── SpaceError     the folder of a Space cannot be put together
"""


class DemoError(Exception):
    """Base of every error the demo raises on purpose."""


class PictureError(DemoError):
    """A picture cannot be judged; the message says why and what to do."""


class RequestError(DemoError):
    """A caller's argument is outside its range; the message names the range."""


class ModelError(DemoError):
    """A model file is missing, is not the one in the manifest, or fails its self-test."""


class DeviceError(DemoError):
    """The device that was asked for cannot run the models here; the message names what is missing."""


class PageError(DemoError):
    """The browser page cannot be put together; the message says what is in the way."""


class SpaceError(DemoError):
    """The folder of a Space cannot be put together; the message says what is in the way."""
