"""The API's calls as tools of an MCP server, for assistants: check, check_many, generate, history.

Gradio's own MCP server cannot take a list of files (its schema for one points nowhere), fetches pictures from
the internet, and writes its results as Python rather than as JSON.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
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
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.api import schema
from demo.api.endpoints import answers, generated, learned
from demo.api.gradio_private import UNEXPECTED
from demo.api.limits import LARGEST_FORM, SMALL_BODY
from demo.api.network import LOCAL_HOSTS
from demo.api.routes import MCP_PATH
from demo.batch.many import MOST_FILES
from demo.errors import DemoError, RequestError, public_message
from demo.inference.engine import Engine

LONGEST_ERROR: Final = 300
"""Characters of an error: the library repeats the refused value, which may have megabytes."""

PICTURE: Final = schema.typed("string", "a picture file in base64, or as a data: URL")
PICTURES: Final = schema.listed(PICTURE, "picture files") | {"minItems": 1, "maxItems": MOST_FILES}


class ToolServer:
    """An MCP server. route: for the app's web server, which must hold `lifespan` open."""

    def __init__(self, engine: Engine, host: str) -> None:
        self._engine = engine
        server: Server[Any, Any] = Server("Touchstone", version=schema.API_VERSION)
        server.list_tools()(self._list_tools)
        server.call_tool()(self._call_tool)
        self._validated = server.request_handlers[CallToolRequest]
        server.request_handlers[CallToolRequest] = self._call_briefly
        self._manager = StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            security_settings=local_only() if host in LOCAL_HOSTS else None,
            max_request_body_size=LARGEST_FORM,
        )
        self._large = asyncio.Lock()
        self.route = Route(MCP_PATH, self)

    def lifespan(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which requests can be answered."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; large ones in turn, since the library holds several copies of each."""
        large = int(Headers(scope=scope).get("content-length", "0")) > SMALL_BODY
        async with self._large if large else nullcontext():
            await self._manager.handle_request(scope, receive, send)

    async def _list_tools(self) -> list[Tool]:
        picture = {"picture": PICTURE}
        generate = schema.generate_arguments(self._engine.generators)
        return [
            tool("check", picture, schema.ANSWER),
            tool("check_many", {"pictures": PICTURES}, wrapped(schema.ANSWERS)),
            tool("generate", generate, wrapped(schema.GENERATED)),
            tool("history", picture, schema.HISTORY),
        ]

    async def _call_briefly(self, request: CallToolRequest) -> ServerResult:
        """Call a tool as the library does, which checks the arguments, and shorten a long error."""
        answer = await self._validated(request)
        if isinstance(answer.root, CallToolResult) and answer.root.isError:
            for each in answer.root.content:
                if isinstance(each, TextContent) and len(each.text) > LONGEST_ERROR:
                    each.text = f"{each.text[:40]} … {each.text[-200:]}"
        return answer

    async def _call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        try:
            result = await asyncio.to_thread(call, self._engine, name, arguments)
        except DemoError as error:
            return failed(public_message(error))
        # The library would answer with the exception's own text, which may name files of this machine.
        except Exception:
            logging.getLogger("touchstone").exception("A tool failed")
            return failed(UNEXPECTED)
        content: list[ContentBlock] = [TextContent(type="text", text=json.dumps(result))]
        if name == "generate":
            # An assistant sees an image, and would only read base64.
            content += [ImageContent(type="image", data=each["png"], mimeType="image/png") for each in result]
        structured = result if isinstance(result, dict) else {"result": result}
        return CallToolResult(content=content, structuredContent=structured)


def failed(message: str) -> CallToolResult:
    """Return the answer of a call that failed."""
    return CallToolResult(content=[TextContent(type="text", text=message)], isError=True)


def local_only() -> TransportSecuritySettings:
    """Return settings that keep web pages of other hosts from calling a server for this machine alone."""
    names = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
    return TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names]
    )


def tool(name: str, arguments: Mapping[str, schema.Schema], result: schema.Schema) -> Tool:
    """Return a tool with the description of the API's call. Only the arguments of `generate` are optional."""
    return Tool(
        name=name,
        description=schema.DESCRIPTIONS[name],
        inputSchema={
            "type": "object",
            "properties": dict(arguments),
            "required": [] if name == "generate" else list(arguments),
            "additionalProperties": False,
        },
        outputSchema=result,
    )


def wrapped(result: schema.Schema) -> schema.Schema:
    """Return the schema of an object with a list under `result`, since a tool must return an object."""
    return schema.record("The list.", result=result)


def call(engine: Engine, name: str, arguments: Mapping[str, Any]) -> Any:
    """Return the result of the API's call of the same name.

    Raises:
        DemoError: an argument is outside its range, or the picture of `history` cannot be judged.
    """
    match name:
        case "check":
            return answers(engine, ["picture"], [decoded(arguments["picture"])])[0]
        case "check_many":
            pictures = [decoded(text) for text in arguments["pictures"]]
            return answers(engine, [f"picture-{index}" for index in range(len(pictures))], pictures)
        case "generate":
            return generated(engine, **arguments)
        case "history":
            return learned(engine, "picture", decoded(arguments["picture"]))
    raise RequestError(f"There is no tool {name[:40]!r}; there is: {', '.join(schema.DESCRIPTIONS)}.")


def decoded(text: str) -> bytes:
    """Decode base64, also in lines, or a data: URL; return other text as bytes, which are no picture."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    # For text that is not ASCII it is not a binascii.Error.
    except ValueError:
        return text.encode(errors="replace")
