"""The API's calls as tools of an MCP server, for assistants: check, check_many, generate, history.

Gradio has an MCP server of its own. It cannot take a list of files (its schema for one points nowhere),
fetches pictures from the internet, and writes its results as Python rather than as JSON.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import (
    CallToolRequest,
    CallToolResult,
    ContentBlock,
    ImageContent,
    ServerResult,
    TextContent,
    Tool,
)
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from demo.api import schema
from demo.api.network import LOCAL_HOSTS
from demo.api.results import answers, generated, learned
from demo.batch.many import MOST_FILES
from demo.decoder.images import LARGEST_FILE_BYTES
from demo.doors.arguments import LONGEST_SAID, check_arguments, shortened
from demo.doors.bounded import replayed, whole
from demo.doors.values import read_object
from demo.doors.ways import EVERY, Way
from demo.errors import BodyError, DemoError, RequestError, public_message
from demo.inference.engine import Engine

MCP_PATH: Final = "/mcp"
LARGEST_REQUEST_BYTES: Final = LARGEST_FILE_BYTES + (12 << 20)
"""A picture of the largest size in base64, a third larger than its file, and what stands around it."""
LARGE: Final = 64 << 10
LONGEST_WAIT: Final = 20.0
"""Seconds until the turn of a large call comes."""
BUSY: Final = "Large calls are answered one after the other, and many wait; try again in a few seconds."
RETRY_AFTER: Final = {"retry-after": "5"}
ONLY_CALLS: Final = f"Only a tool's call may have more than {LARGE >> 10} KiB; send less."
LONG_ID: Final = f"The id has more than {LONGEST_SAID} characters; send a shorter one."
UNFORESEEN: Final = "The tool met what it did not foresee; whoever runs the app finds it in the log."

PICTURE: Final = schema.typed("string", "a picture file in base64, or as a data: URL")
PICTURE_ONLY: Final = {"picture": PICTURE}
PICTURES: Final = schema.listed(PICTURE, "picture files") | {"minItems": 1, "maxItems": MOST_FILES}
PICTURES_ONLY: Final = {"pictures": PICTURES}


class ToolServer:
    """An MCP server over an engine: a route for the app's web server, and what must run while that does."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        server: Server[Any, Any] = Server("Touchstone", version=schema.API_VERSION)
        server.list_tools()(self._list_tools)
        # The library's own way in repeats in its answer whatever it refuses, and an unknown name in the log.
        server.request_handlers[CallToolRequest] = self._call_tool
        self._manager = StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            security_settings=local_only() if host in LOCAL_HOSTS else None,
            max_request_body_size=LARGEST_REQUEST_BYTES,
        )
        self._large = asyncio.Lock()
        self.route = Route(MCP_PATH, self)
        self.way = Way(EVERY, most_bytes=LARGEST_REQUEST_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, large ones one after the other: of each there are several copies meanwhile.

        A large one's turn ends when its answer is made, however slowly that is read then.

        Raises:
            BodyError: it is larger than `LARGEST_REQUEST_BYTES`, or no message that can be taken.
        """
        if scope["method"] != "POST":
            # Of others the body is not read, and a stream lasts as long as whoever asks wants.
            await self._manager.handle_request(scope, receive, send)
            return
        body = await whole(receive, LARGEST_REQUEST_BYTES)
        if len(body) <= LARGE:
            check_message(body)
            await self._manager.handle_request(scope, replayed(body, receive), send)
            return
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                await self._large.acquire()
        except TimeoutError:
            del body
            await JSONResponse({"detail": BUSY}, 503, RETRY_AFTER)(scope, receive, send)
            return
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        try:
            check_message(body)
            receive = replayed(body, receive)
            del body
            await self._manager.handle_request(scope, receive, keep)
        finally:
            self._large.release()
        for message in answer:
            await send(message)

    def lifespan(self, _: object) -> AbstractAsyncContextManager[None]:
        """What the web server must hold open as long as it serves."""
        return self._manager.run()

    async def _list_tools(self) -> list[Tool]:
        return tools(self._engine)

    async def _call_tool(self, request: CallToolRequest) -> ServerResult:
        name, arguments = request.params.name, request.params.arguments or {}
        try:
            return ServerResult(await asyncio.to_thread(self._answer, name, arguments))
        except DemoError as error:
            return refused(public_message(error))
        # The library would answer with what it says, be it of this machine.
        except Exception:
            logging.getLogger("touchstone").exception("A tool failed")
            return refused(UNFORESEEN)

    def _answer(self, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        for each in tools(self._engine):
            if each.name == name:
                check_arguments(arguments, each.inputSchema)
        result = call(self._engine, name, arguments)
        content: list[ContentBlock] = [TextContent(type="text", text=json.dumps(result))]
        if name == "generate":
            # An assistant sees a picture where it would only read base64.
            content += [ImageContent(type="image", data=each["png"], mimeType="image/png") for each in result]
        structured = result if isinstance(result, dict) else {"result": result}
        return CallToolResult(content=content, structuredContent=structured)


def check_message(body: bytes) -> None:
    """Look at a message before the library does, which takes what is too deep, or no text, for its own fault
    and writes to the log what it does not understand.

    Raises:
        BodyError: it is not JSON as `read_object` takes it, its id is long, or it is large and no call.
    """
    message = read_object(body)
    identifier = message.get("id")
    if isinstance(identifier, str) and len(identifier) > LONGEST_SAID:
        raise BodyError(400, LONG_ID)
    if len(body) > LARGE and message.get("method") != "tools/call":
        raise BodyError(413, ONLY_CALLS)


def refused(sentence: str) -> ServerResult:
    """What a tool answers to a call that it cannot answer."""
    return ServerResult(CallToolResult(content=[TextContent(type="text", text=sentence)], isError=True))


def tools(engine: Engine) -> list[Tool]:
    """The tools over an engine."""
    return [
        tool("check", PICTURE_ONLY, schema.ANSWER),
        tool("check_many", PICTURES_ONLY, wrapped(schema.ANSWERS)),
        tool("generate", schema.generate_arguments(engine.generators), wrapped(schema.GENERATED)),
        tool("history", PICTURE_ONLY, schema.HISTORY),
    ]


def local_only() -> TransportSecuritySettings:
    """No web page of another host may call a server that is meant for this machine alone."""
    names = ("127.0.0.1:*", "localhost:*", "[::1]:*")
    return TransportSecuritySettings(
        allowed_hosts=list(names), allowed_origins=[f"http://{name}" for name in names]
    )


def tool(name: str, arguments: Mapping[str, schema.Schema], result: schema.Schema) -> Tool:
    """A tool with the words of the API's call of the same name; what has no default is required."""
    return Tool(
        name=name,
        description=schema.DESCRIPTIONS[name],
        inputSchema={
            "type": "object",
            "properties": dict(arguments),
            "required": [argument for argument in arguments if name != "generate"],
            "additionalProperties": False,
        },
        outputSchema=result,
    )


def wrapped(result: schema.Schema) -> schema.Schema:
    """A schema for a list: what a tool gives must be an object, so that the list stands under `result`."""
    return schema.record("The list.", result=result)


def call(engine: Engine, name: str, arguments: Mapping[str, Any]) -> Any:
    """What a tool gives, as the API's call of the same name.

    Raises:
        DemoError: an argument is outside its range, or the picture of `history` cannot be judged.
    """
    if name == "check":
        return answers(engine, ["picture"], [decoded(arguments["picture"])])[0]
    if name == "check_many":
        pictures = [decoded(text) for text in arguments["pictures"]]
        return answers(engine, [f"picture-{index}" for index in range(len(pictures))], pictures)
    if name == "generate":
        return generated(engine, **arguments)
    if name == "history":
        return learned(engine, "picture", decoded(arguments["picture"]))
    raise RequestError(f"There is no tool {shortened(name)!r}; there is: {', '.join(schema.DESCRIPTIONS)}.")


def decoded(text: str) -> bytes:
    """A picture file from base64, also in lines, or from a data: URL.

    What is neither is handed on, and refused as no picture.
    """
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    # Of what is not ASCII it is no binascii.Error.
    except ValueError:
        return text.encode(errors="replace")
