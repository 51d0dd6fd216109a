"""The API's calls as tools of an MCP server, for assistants: check, check_many, generate, history.

Gradio's own MCP server cannot take a list of files (its schema for one points nowhere), fetches pictures from
the internet, and writes its results as Python rather than as JSON.
"""

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Annotated, Any, Final

from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import CallToolResult, ContentBlock, ImageContent, TextContent, Tool
from pydantic import AfterValidator, ConfigDict, Field, StrictStr, ValidationError, create_model
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.api import schema
from demo.api.arguments import GENERATE_DEFAULTS, first_problem, generate_types
from demo.api.limits import LARGEST_FORM, SMALL_BODY
from demo.api.network import LOCAL_HOSTS
from demo.api.results import answers, generated, learned
from demo.api.routes import MCP_PATH
from demo.batch.many import MOST_FILES
from demo.errors import UNEXPECTED, DemoError, public_message
from demo.inference.engine import Engine

# Web pages of other hosts must not call a server for this machine alone.
LOCAL_NAMES: Final = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
LOCAL_ONLY: Final = TransportSecuritySettings(
    allowed_hosts=LOCAL_NAMES, allowed_origins=[f"http://{name}" for name in LOCAL_NAMES]
)


def decode(text: str) -> bytes:
    """Decode base64, also in lines, or a data: URL; return other text as bytes, which are no picture."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    # For text that is not ASCII it is not a binascii.Error.
    except ValueError:
        return text.encode(errors="replace")


Picture = Annotated[
    StrictStr, Field(description="a picture file in base64, or as a data: URL"), AfterValidator(decode)
]
Pictures = Annotated[list[Picture], Field(min_length=1, max_length=MOST_FILES, description="picture files")]


class ToolServer:
    """An MCP server. route: for the app's web server, which must hold `lifespan` open."""

    def __init__(self, engine: Engine, host: str) -> None:
        def check_many(pictures: list[bytes]) -> Any:
            return answers(engine, [f"picture-{index}" for index in range(len(pictures))], pictures)

        picture = {"picture": (Picture, ...)}
        generate = generate_types(engine.generators)
        tools: dict[str, tuple[dict[str, Any], schema.Schema, Callable[..., Any]]] = {
            "check": (picture, schema.ANSWER, lambda picture: answers(engine, ["picture"], [picture])[0]),
            "check_many": ({"pictures": (Pictures, ...)}, wrapped(schema.ANSWERS), check_many),
            "generate": (
                {name: (kind, GENERATE_DEFAULTS[name]) for name, kind in generate.items()},
                wrapped(schema.GENERATED),
                partial(generated, engine),
            ),
            "history": (picture, schema.HISTORY, lambda picture: learned(engine, "picture", picture)),
        }
        self._tools = {
            name: (create_model(name, __config__=ConfigDict(extra="forbid"), **arguments), result, function)
            for name, (arguments, result, function) in tools.items()
        }
        server: Server[Any, Any] = Server("Touchstone", version=schema.API_VERSION)
        server.list_tools()(self._list_tools)
        # The library's own check repeats a wrong value, which may have megabytes.
        server.call_tool(validate_input=False)(self._call_tool)
        self._manager = StreamableHTTPSessionManager(
            server,
            json_response=True,
            stateless=True,
            security_settings=LOCAL_ONLY if host in LOCAL_HOSTS else None,
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
        return [
            Tool(
                name=name,
                description=schema.DESCRIPTIONS[name],
                inputSchema=arguments.model_json_schema(),
                outputSchema=result,
            )
            for name, (arguments, result, _) in self._tools.items()
        ]

    async def _call_tool(self, name: str, given: dict[str, Any]) -> CallToolResult:
        if name not in self._tools:
            return failed(f"There is no tool {name[:40]!r}; there is: {', '.join(self._tools)}.")
        arguments, _, function = self._tools[name]
        try:
            result = await asyncio.to_thread(function, **dict(arguments.model_validate(given)))
        except ValidationError as error:
            return failed(first_problem(error))
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


def wrapped(result: schema.Schema) -> schema.Schema:
    """Return the schema of an object with a list under `result`, since a tool must return an object."""
    return schema.record("The list.", result=result)
