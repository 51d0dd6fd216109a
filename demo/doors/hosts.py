"""By which hosts a request, or a proxy before the app, says that it is reached.

Gradio makes addresses of them: it fails where one is no host, also of a call that it has taken already.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from demo.errors import BodyError

HOSTS: Final = frozenset((b"host", b"x-forwarded-host"))
HOST: Final = re.compile(rb"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)
NUMBERS: Final = re.compile(rb"\[.*\]|[0-9.]+")
"""What must be an address, not being a name."""
OF_ANOTHER_SERVER: Final = b"x-gradio-server"
"""Of gradio's own server of pages, which this app does not run: from others it is not believed."""
NO_HOST: Final = "The request names no host by which this app can be reached; ask by its name or address."


def reached_by(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that go on.

    Raises:
        BodyError: a host is none.
    """
    kept = [(name, value) for name, value in headers if name != OF_ANOTHER_SERVER]
    for name, value in kept:
        if name in HOSTS and not all(is_host(each.strip()) for each in value.split(b",")):
            raise BodyError(400, NO_HOST)
    return kept


def is_host(text: bytes) -> bool:
    """Whether a text is empty, or a name or an address, with or without a port."""
    found = HOST.fullmatch(text)
    if found is None:
        return not text
    if not NUMBERS.fullmatch(found[1]):
        return True
    try:
        address = ipaddress.ip_address(found[1].decode().strip("[]"))
    except ValueError:
        return False
    return address.version == (6 if found[1].startswith(b"[") else 4)
