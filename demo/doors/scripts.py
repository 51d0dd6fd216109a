"""The page's own inline scripts get the number under which its policy lets them run."""

from starlette.types import Message, Scope, Send

from demo.doors.headers import NONCE

OPENING = b"<script"


def marking(scope: Scope, send: Send) -> Send:
    """A `send` that writes the request's nonce into every script element of an HTML response.

    In the texts that gradio writes into a script `<` is escaped, so that no other text has this beginning.
    """
    if NONCE not in scope:
        return send
    marked = OPENING + f' nonce="{scope[NONCE]}"'.encode()
    start: Message = {}

    async def send_marked(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        body = message.get("body", b"")
        if start:
            headers = start["headers"]
            if any(name == b"content-type" and value.startswith(b"text/html") for name, value in headers):
                assert not message.get("more_body", False), "the page comes in one piece"
                body = body.replace(OPENING, marked)
                headers = [each for each in headers if each[0] != b"content-length"]
                headers.append((b"content-length", str(len(body)).encode()))
                message = {**message, "body": body}
            await send({**start, "headers": headers})
            start = {}
        await send(message)

    return send_marked
