"""`python -m tests.support.offline …`: `python -m demo …`, which ends where it would leave the machine or
write outside of the temporary folder.

The variable `TOUCHSTONE_TESTS_KEPT_IDLE` says after how many seconds without a request it removes uploads.
"""

import ipaddress
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Final

from demo.api import limits
from demo.cli import main

KEPT_IDLE: Final = "TOUCHSTONE_TESTS_KEPT_IDLE"
LEFT = 70
"""The exit code of an app that tried."""
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES: Final = {
    **{"os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2},
    **{"os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1},
}
"""Audit events that change a folder or a file, with how many of their arguments are its paths."""


class FileWatch:
    """An audit hook that ends the process at whatever is written elsewhere than below a folder."""

    def __init__(self, temporary: str) -> None:
        self._temporary = Path(os.path.realpath(temporary))

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            flags = arguments[2]
            paths = arguments[:1] if isinstance(flags, int) and flags & WRITING else ()
        else:
            paths = arguments[: CHANGES.get(event, 0)]
        for path in paths:
            if isinstance(path, str | bytes | os.PathLike) and not self.may_be_written(os.fsdecode(path)):
                print(f"The app wrote to {os.fsdecode(path)} ({event}).", file=sys.stderr, flush=True)
                os._exit(LEFT)

    def may_be_written(self, path: str) -> bool:
        """Whether a path is a temporary one, nowhere, or Python's own bytecode beside a module."""
        whole = os.path.realpath(path)
        below = Path(whole).is_relative_to(self._temporary)
        return below or whole == os.devnull or "__pycache__" in whole


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """End the process at a name to be looked up, or at a connection, that is not of this machine.

    An audit hook: https://docs.python.org/3/library/audit_events.html. What a library does with a failed
    connection does not matter, then.
    """
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and arguments[0].type != socket.SOCK_DGRAM:  # type: ignore[attr-defined]
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    else:
        return
    if isinstance(host, bytes):
        host = host.decode()
    if not is_local(host):
        print(f"The app asked for {host}.", file=sys.stderr, flush=True)
        os._exit(LEFT)


def is_local(host: object) -> bool:
    """Whether a host is this machine: by name, by address, or left open."""
    if host in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


if __name__ == "__main__":
    sys.addaudithook(watch)
    sys.addaudithook(FileWatch(tempfile.gettempdir()))
    if seconds := os.environ.get(KEPT_IDLE):
        limits.KEPT_WHILE_IDLE = float(seconds)  # type: ignore[misc]
    sys.exit(main())
