"""The API's calls as tools of an MCP server, for assistants: check, check_many, generate, history.

Gradio has an MCP server of its own. It cannot take a list of files (its schema for one points nowhere),
fetches pictures from the internet, and writes its results as Python rather than as JSON.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent, Tool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo import schema
from demo.doors.bounded import replayed, whole
from demo.doors.ways import EVERY, Way
from demo.errors import DemoError, RequestError, told
from demo.images import LARGEST_FILE_BYTES
from demo.many import MOST_FILES
from demo.network import LOCAL_HOSTS
from demo.results import answers, generated, learned
from demo.runtime import Engine

MCP_PATH: Final = "/mcp"
LARGEST_REQUEST_BYTES: Final = LARGEST_FILE_BYTES + (12 << 20)
"""A picture of the largest size in base64, a third larger than its file, and what stands around it."""
LARGE: Final = 64 << 10

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
        server.call_tool()(self._call_tool)
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

        Raises:
            BodyError: it is larger than `LARGEST_REQUEST_BYTES`.
        """
        body = await whole(receive, LARGEST_REQUEST_BYTES)
        turn = self._large if len(body) > LARGE else nullcontext()
        receive = replayed(body, receive)
        del body
        async with turn:
            await self._manager.handle_request(scope, receive, send)

    def lifespan(self, _: object) -> AbstractAsyncContextManager[None]:
        """What the web server must hold open as long as it serves."""
        return self._manager.run()

    async def _list_tools(self) -> list[Tool]:
        return [
            tool("check", PICTURE_ONLY, schema.ANSWER),
            tool("check_many", PICTURES_ONLY, wrapped(schema.ANSWERS)),
            tool("generate", schema.generate_arguments(self._engine.generators), wrapped(schema.GENERATED)),
            tool("history", PICTURE_ONLY, schema.HISTORY),
        ]

    async def _call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        try:
            result = await asyncio.to_thread(call, self._engine, name, arguments)
        except DemoError as error:
            raise RequestError(told(error)) from error
        content: list[ContentBlock] = [TextContent(type="text", text=json.dumps(result))]
        if name == "generate":
            # An assistant sees a picture where it would only read base64.
            content += [ImageContent(type="image", data=each["png"], mimeType="image/png") for each in result]
        structured = result if isinstance(result, dict) else {"result": result}
        return CallToolResult(content=content, structuredContent=structured)


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
    raise RequestError(f"There is no tool {name!r}; there is: {', '.join(schema.DESCRIPTIONS)}.")


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
