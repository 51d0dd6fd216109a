"""Addresses: a socket to listen on, and the app's URLs on this machine and for others of the network."""

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
        family = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0][0]
    except OSError as error:
        raise DemoError(
            f"There is no address {host} to listen on ({error.strerror}); correct --host."
        ) from error
    both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
    for candidate in FIRST_PORTS if port is None else (port,):
        try:
            server = socket.create_server(
                (host, candidate), family=family, backlog=BACKLOG, dualstack_ipv6=both
            )
            # asyncio sets it only on sockets with an explicit protocol; without it, an answer takes 40 ms.
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return server
        except OSError as error:
            # Python adds the address in brackets.
            reason = str(error.strerror).partition(" (")[0]
    tried = f"ports {FIRST_PORTS[0]} to {FIRST_PORTS[-1]}" if port is None else f"port {port}"
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
