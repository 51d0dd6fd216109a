"""`python -m tests.support.offline …`: run `python -m demo …`, but end it when it contacts another machine.

`TOUCHSTONE_TESTS_KEPT_IDLE` sets the seconds without a request after which it removes uploads.
"""

import ipaddress
import os
import socket
import sys
from typing import Final

from demo.api import limits
from demo.cli import main

KEPT_IDLE: Final = "TOUCHSTONE_TESTS_KEPT_IDLE"
LEFT = 70
"""Exit code of an app that tried."""


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
    if seconds := os.environ.get(KEPT_IDLE):
        limits.KEPT_WHILE_IDLE = float(seconds)  # type: ignore[misc]
    sys.exit(main())
