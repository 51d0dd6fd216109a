"""`python -m tests.offline …`: `python -m demo …` that ends where anything in it would leave this machine."""

import ipaddress
import os
import socket
import sys

from demo.cli import main

LEFT = 70
"""The exit code of an app that tried."""


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
    sys.exit(main())
