"""The MCP server: the real app, asked by the protocol's own client."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ImageContent, TextContent, Tool
from starlette.applications import Starlette

from demo.api.mcp import ToolServer
from demo.api.routes import MCP_PATH
from demo.errors import MODEL_UNAVAILABLE, UNEXPECTED
from demo.inference.engine import MODELS_FOLDER, Engine
from tests.demo.test_cli import CONTRACT

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
ENCODED = base64.b64encode(PICTURE.read_bytes()).decode()
HEADERS = {"Accept": "application/json, text/event-stream"}


@asynccontextmanager
async def session(server: str) -> AsyncIterator[ClientSession]:
    async with (
        streamable_http_client(f"{server}mcp") as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


def use(server: str, name: str, **arguments: Any) -> CallToolResult:
    """Call a tool; the client compares its answer with the server's schema."""

    async def called() -> CallToolResult:
        async with session(server) as opened:
            return await opened.call_tool(name, arguments)

    return asyncio.run(called())


def text(answer: CallToolResult) -> str:
    """Return the first text of a tool's answer."""
    first = answer.content[0]
    assert isinstance(first, TextContent)
    return first.text


def test_four_tools_with_descriptions(server: str) -> None:
    async def listed() -> list[Tool]:
        async with session(server) as opened:
            return (await opened.list_tools()).tools

    found = {tool.name: tool for tool in asyncio.run(listed())}
    assert list(found) == ["check", "check_many", "generate", "history"]
    for tool in found.values():
        assert len(str(tool.description)) > 60
        assert tool.outputSchema is not None
        assert all(each["description"] for each in tool.inputSchema["properties"].values())
    assert found["check_many"].inputSchema["required"] == ["pictures"]
    assert "required" not in found["generate"].inputSchema


def test_answers_are_the_api_s(server: str) -> None:
    client = Client(server, verbose=False)
    same = client.predict(picture=handle_file(PICTURE), api_name="/check") | {"file": "picture"}
    for encoded in (f"data:image/png;base64,{ENCODED}", base64.encodebytes(PICTURE.read_bytes()).decode()):
        answer = use(server, "check", picture=encoded)
        assert not answer.isError
        assert answer.structuredContent == json.loads(text(answer)) == same
    same = client.predict(picture=handle_file(PICTURE), api_name="/history")
    assert use(server, "history", picture=ENCODED).structuredContent == same
    answer = use(server, "generate", digit=3, count=2, seed=5)
    same = client.predict(digit=3, count=2, seed=5, api_name="/generate")
    assert json.loads(text(answer)) == same
    # An assistant also sees the digits.
    pictures = [each for each in answer.content if isinstance(each, ImageContent)]
    assert [each.data for each in pictures] == [each["png"] for each in same]


def test_check_many_survives_a_bad_picture(server: str) -> None:
    # A path on the server is not read.
    bad = ["no picture at all", "é", "图片", str(PICTURE), PICTURE.as_uri()]
    answer = use(server, "check_many", pictures=[ENCODED, *bad, ENCODED])
    assert answer.structuredContent is not None
    first, *unread, last = answer.structuredContent["result"]
    assert [each["file"] for each in (first, *unread, last)] == [f"picture-{index}" for index in range(7)]
    assert first["fake_probability"] == last["fake_probability"] is not None
    for each in unread:
        assert {key for key in CONTRACT if each[key] is not None} == {"file", "error"}
        assert "no picture" in each["error"]


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("generate", {"count": 0}, "Correct count: Input should be greater than or equal to 1."),
        ("check", {}, "Correct picture: Field required."),
        ("check_many", {"pictures": []}, "Correct pictures: List should have at least 1 item"),
        ("history", {"picture": "none"}, "no picture"),
        ("train", {}, "There is no tool 'train'"),
        # A wrong value, which may have megabytes, is not repeated.
        ("check_many", {"pictures": ["A" * 300] * 2001}, "Correct pictures: List should have at most 2000"),
        ("generate", {"model": "A" * 4000}, "Correct model: Input should be 'generator' or 'mlp_generator'."),
        ("generate", {"A" * 4000: 1}, "Extra inputs are not permitted."),
        ("A" * 4000, {}, "There is no tool 'AAAA"),
    ],
)
def test_a_wrong_call_gets_a_reason(server: str, name: str, arguments: dict[str, Any], reason: str) -> None:
    answer = use(server, name, **arguments)
    assert answer.isError
    assert reason in text(answer)
    assert len(text(answer)) < 200


def ask(engine: Engine, name: str, **arguments: Any) -> str:
    """Return the text of a tool's answer by a server of this process."""

    async def post() -> httpx.Response:
        server = ToolServer(engine, "0.0.0.0")  # noqa: S104
        transport = httpx.ASGITransport(Starlette(routes=[server.route]))
        async with server.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            call = {"name": name, "arguments": arguments}
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
            return await client.post(MCP_PATH, json=body, headers=HEADERS)

    result = asyncio.run(post()).json()["result"]
    assert result["isError"]
    return str(result["content"][0]["text"])


def test_a_damaged_model_and_an_unexpected_failure_are_explained_without_paths(
    models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine.load(models, "cpu")
    (models / "generator.onnx").write_bytes(b"damaged")
    assert ask(engine, "generate") == MODEL_UNAVAILABLE
    assert "generator.onnx" in caplog.text

    def broken(*_: Any) -> Any:
        raise OSError("/somewhere/secret")

    monkeypatch.setattr(engine, "generate", broken)
    assert ask(engine, "generate") == UNEXPECTED


def test_a_web_page_of_another_host_is_refused(server: str) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    with httpx.Client(headers=HEADERS | {"Content-Type": "application/json"}, trust_env=False) as client:
        assert len(client.post(f"{server}mcp", content=body).json()["result"]["tools"]) == 4
        for foreign in ({"Origin": "http://example.org"}, {"Host": "example.org"}):
            assert client.post(f"{server}mcp", content=body, headers=foreign).status_code in (403, 421)
