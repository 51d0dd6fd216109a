"""Run `python -m demo …`, but end it when it contacts another machine or writes outside the temporary folder:
`python -m tests.support.offline …`.

`TOUCHSTONE_TESTS_KEPT_IDLE` sets the seconds without a request after which it removes uploads.
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
"""Exit code of an app that tried."""
WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES: Final = {
    **{"os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.link": 2, "os.symlink": 2},
    **{"os.truncate": 1, "os.chmod": 1, "os.chown": 1, "os.utime": 1},
}
"""Audit events that change files or folders, and how many of their arguments are paths."""


class FileWatch:
    """An audit hook that ends the process when it writes anywhere but below a folder."""

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
        """Return whether a path is below the folder, /dev/null, or bytecode beside a module."""
        whole = os.path.realpath(path)
        below = Path(whole).is_relative_to(self._temporary)
        return below or whole == os.devnull or "__pycache__" in whole


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """End the process when it looks up or connects to another machine, whatever a library does with failures.

    An audit hook: https://docs.python.org/3/library/audit_events.html
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
    """Return whether a host is this machine, by name or address, or unspecified."""
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
