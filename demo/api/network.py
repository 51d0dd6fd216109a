"""Addresses: a port to listen on, and where other machines of the network find the app."""

import os
import socket
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from demo.errors import DemoError

FIRST_PORTS: Final = range(7860, 7960)
WAITING: Final = 2048
"""Connections that may wait to be taken."""

LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
EVERY_ADDRESS: Final = {
    "0.0.0.0": (socket.AF_INET, "192.0.2.1"),  # noqa: S104 - compared with, not listened on
    "::": (socket.AF_INET6, "2001:db8::1"),
}
"""What stands for all addresses of this machine, and an address that is reserved for documentation."""


def free_port(host: str, port: int | None) -> int:
    """A port that can be listened on: `port`, any for 0, or for None the first free one from 7860.

    Gradio itself needs 5 s to find that it cannot have one.

    Raises:
        DemoError: the port is in use, or the host is not an address of this machine.
    """
    ports: Sequence[int] = FIRST_PORTS if port is None else [port]
    tried = f"port {ports[0]}" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]}"
    failure: OSError | None = None
    for candidate in ports:
        try:
            with closing(bound(host, candidate)) as probe:
                return int(probe.getsockname()[1])
        except OSError as error:
            failure = error
    reason = failure.strerror if failure else ""
    raise DemoError(f"Cannot listen on {host}, {tried}: {reason}. Choose another with --host or --port.")


def listener(host: str, port: int) -> socket.socket:
    """A socket that takes connections; DemoError where another program was faster."""
    listening = None
    try:
        listening = bound(host, port)
        listening.listen(WAITING)
    except OSError as error:
        if listening is not None:
            listening.close()
        raise DemoError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from error
    return listening


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address of this machine.

    Raises:
        DemoError: the host is none.
        OSError: the port cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise DemoError(
            f"There is no address {host} to listen on ({error.strerror}); mend --host."
        ) from error
    found = socket.socket(family, kind, protocol)
    try:
        # A port that was just closed may be taken again; on Windows this would also take one in use.
        if os.name == "posix":
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
    except OSError:
        found.close()
        raise
    return found


def name_here(host: str) -> str:
    """A host's name for an address that can be opened on this machine."""
    return {"0.0.0.0": "localhost", "::": "::1"}.get(host, host)  # noqa: S104 - compared with


def network_address(host: str) -> str | None:
    """This machine's own address as others on its network reach it; asks nobody.

    None where `host` does not stand for every address, or where there is no network. A datagram socket
    that is connected sends nothing, but the system has chosen which of its addresses it would send from.
    """
    if host not in EVERY_ADDRESS:
        return None
    family, elsewhere = EVERY_ADDRESS[host]
    try:
        with closing(socket.socket(family, socket.SOCK_DGRAM)) as unsent:
            unsent.connect((elsewhere, 9))
            return str(unsent.getsockname()[0])
    except OSError:
        return None


def url(host: str, port: int) -> str:
    """The address of a page on a host; an IPv6 address stands in brackets."""
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
