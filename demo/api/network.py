"""Addresses: a socket to listen on, and the app's URLs on this machine and for others of the network."""

import os
import socket
from contextlib import closing
from typing import Final

from demo.api.limits import BACKLOG
from demo.errors import DemoError

FIRST_PORTS: Final = range(7860, 7960)
LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS: Final = {
    "0.0.0.0": ("localhost", socket.AF_INET, "192.0.2.1"),  # noqa: S104 - compared with, not listened on
    "::": ("::1", socket.AF_INET6, "2001:db8::1"),
}
"""Wildcard addresses: the name of this machine for each, and an address reserved for documentation."""


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on a port: 0 takes any free one, None the first free one from 7860.

    Raises:
        DemoError: the port is in use, or the host is not an address of this machine.
    """
    try:
        family, kind, protocol, _, _ = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise DemoError(
            f"There is no address {host} to listen on ({error.strerror}); correct --host."
        ) from error
    ports = FIRST_PORTS if port is None else (port,)
    tried = f"port {ports[0]}" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]}"
    reason: str | None = ""
    for candidate in ports:
        found = socket.socket(family, kind, protocol)
        try:
            # A port that was just closed may be taken again; on Windows this would also take one in use.
            if os.name == "posix":
                found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, candidate))
            found.listen(BACKLOG)
            return found
        except OSError as error:
            found.close()
            reason = error.strerror
    raise DemoError(f"Cannot listen on {host}, {tried}: {reason}. Choose another with --host or --port.")


def local_url(host: str, port: int) -> str:
    """Return the URL of an app on a host, for this machine."""
    name = EVERY_ADDRESS[host][0] if host in EVERY_ADDRESS else host
    return f"http://[{name}]:{port}/" if ":" in name else f"http://{name}:{port}/"


def network_url(host: str, port: int) -> str | None:
    """Return the URL of an app for other machines of the network, or None where they cannot reach it.

    Connecting a datagram socket sends nothing, but makes the system choose this machine's own address.
    """
    if host not in EVERY_ADDRESS:
        return None
    _, family, elsewhere = EVERY_ADDRESS[host]
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as unsent:
            unsent.connect((elsewhere, 9))
            return local_url(str(unsent.getsockname()[0]), port)
    except OSError:
        return None
