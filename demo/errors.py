"""The demo's errors. Each message is a sentence: the problem, and the remedy.

The messages address the operator of the demo. Visitors of the app get `public_message`, which reveals nothing
about the server.
"""

import logging

MODEL_UNAVAILABLE = (
    "A published file is missing here, is not the one that was published, or does not run; "
    "the log of this app names it."
)
UNEXPECTED = "Something unexpected went wrong; the app's log has the reason."


class DemoError(Exception):
    """Base of every error that the demo raises on purpose."""


class PictureError(DemoError):
    """A picture cannot be judged."""


class MachineError(PictureError):
    """A picture cannot be judged here and now; on another machine, or later, it may be."""


class RequestError(DemoError):
    """A caller's argument is outside its range; the message names the range."""


class BusyError(DemoError):
    """Too many pictures wait; the caller may try again later."""


class NoRoomError(MachineError, BusyError):
    """More large pictures are being read than fit into memory."""


class ModelError(DemoError):
    """A model file is missing, is not the one in the manifest, or fails its self-test."""


class DeviceError(DemoError):
    """The requested device cannot run the models here; the message names the missing part."""


class UsageError(DemoError):
    """The command line asks for something that is not possible here."""


def public_message(error: DemoError) -> str:
    """Return the message for a visitor; that of a model, which names a folder, goes to the log instead."""
    if not isinstance(error, ModelError):
        return str(error)
    logging.getLogger("touchstone").error("%s", error)
    return MODEL_UNAVAILABLE
