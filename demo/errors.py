"""What can go wrong in the demo, as one tree. Each message is a sentence for the person who sees it.

That is who runs the demo; a visitor of the app is told `told`, which names nothing of the server.

DemoError
├── PictureError   a picture cannot be judged
│   └── MachineError   not here and now, which is no fault of the picture's
│       └── NoRoomError    too many large ones at once; a BusyError, too
├── RequestError   an argument is outside its range
├── BusyError      more wait than can be answered soon
├── ModelError     a model file is missing, altered, or gives other numbers than when published
├── DeviceError    the device that was asked for cannot run
├── UsageError     the command line asks for what cannot be done here
├── ResultsError   a collection's tables cannot be read, or its answers not written
│   └── NoColumnError  a table has no column of pictures
├── PageError      the page that needs no server cannot be put together
└── SpaceError     the folder of a Space cannot be put together
"""

import logging


class DemoError(Exception):
    """Base of every error the demo raises on purpose."""

    @property
    def public(self) -> str:
        """The sentence for a visitor of the app."""
        return str(self)


class PictureError(DemoError):
    """A picture cannot be judged; the message says why and what to do."""


class MachineError(PictureError):
    """A picture cannot be judged here and now; on another machine, or later, it may be."""


class RequestError(DemoError):
    """A caller's argument is outside its range; the message names the range."""


class BusyError(DemoError):
    """More pictures wait than can be answered soon; to be asked again later."""


class NoRoomError(MachineError, BusyError):
    """More large pictures are being read than can be held at once."""


class ModelError(DemoError):
    """A model file is missing, is not the one in the manifest, or fails its self-test."""

    @property
    def public(self) -> str:
        """A sentence that, unlike the message, names no folder of this machine."""
        return (
            "A published file is missing here, is not the one that was published, or does not run; "
            "whoever runs this app finds which in its log."
        )


class DeviceError(DemoError):
    """The device that was asked for cannot run the models here; the message names what is missing."""


class UsageError(DemoError):
    """The command line asks for what cannot be done here; the message says what to ask or install."""


class ResultsError(DemoError):
    """A collection's tables cannot be read, or its answers not written; the message names the file."""


class NoColumnError(ResultsError):
    """A table has no column of pictures."""


class PageError(DemoError):
    """The browser page cannot be put together; the message says what is in the way."""


class SpaceError(DemoError):
    """The folder of a Space cannot be put together; the message says what is in the way."""


def public_message(error: DemoError) -> str:
    """What a visitor of the app is told of an error; where that leaves anything out, the log has it."""
    if error.public != str(error):
        logging.getLogger("touchstone").error("%s", error)
    return error.public
