"""The body of a request, counted while it comes: what is too large is neither kept nor waited for."""

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from demo.errors import BodyError


def check_declared(scope: Scope, most_bytes: int) -> None:
    """Raises BodyError where a request says itself that its body is larger than `most_bytes`."""
    for name, value in scope["headers"]:
        # Nobody would read it where there is to be none.
        if name == b"transfer-encoding" and most_bytes == 0:
            raise too_large(0)
        # Python itself refuses to read a number of many thousand digits.
        if name == b"content-length" and (len(value) > 12 or int(value) > most_bytes):
            raise too_large(most_bytes)


def too_large(most_bytes: int) -> BodyError:
    """What is said of a body of more than `most_bytes`."""
    if most_bytes == 0:
        return BodyError(413, "This address takes no body; send none.")
    size = f"{most_bytes >> 20} MiB" if most_bytes >= 1 << 20 else f"{most_bytes >> 10} KiB"
    return BodyError(413, f"The request has more than {size}; send less at once.")


def counted(receive: Receive, most_bytes: int) -> Receive:
    """A `receive` that raises BodyError as soon as more than `most_bytes` have come."""
    size = 0

    async def receive_counted() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most_bytes:
            raise too_large(most_bytes)
        return message

    return receive_counted


async def whole(receive: Receive, most_bytes: int) -> bytes:
    """A body of at most `most_bytes`.

    Raises:
        BodyError: it is larger.
        ClientDisconnect: whoever sent it has gone.
    """
    bounded = counted(receive, most_bytes)
    # One block that grows goes back to the system whole; many pieces are seldom given back.
    body = bytearray()
    more = True
    while more:
        message = await bounded()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, lets go of it, and then gives what still comes."""
    kept: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return kept.pop() if kept else await receive()

    return receive_again
