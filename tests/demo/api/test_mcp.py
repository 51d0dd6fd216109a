"""The MCP server: the real app, asked by the protocol's own client."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client import Client, handle_file
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ImageContent, TextContent, Tool
from starlette.applications import Starlette

from demo.api import mcp as mcp_server
from demo.api.gradio_private import UNEXPECTED
from demo.api.routes import MCP_PATH
from demo.inference.engine import MODELS_FOLDER, Engine
from tests.demo.test_cli import CONTRACT

PICTURE = MODELS_FOLDER.parent / "conformance" / "drawn-7.png"
ENCODED = base64.b64encode(PICTURE.read_bytes()).decode()
HEADERS = {"Accept": "application/json, text/event-stream"}


def tools(server: str) -> list[Tool]:
    """Return the tools that the server lists."""

    async def listed() -> list[Tool]:
        async with (
            streamable_http_client(f"{server}mcp") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return (await session.list_tools()).tools

    return asyncio.run(listed())


def use(server: str, name: str, **arguments: Any) -> CallToolResult:
    """Call a tool; the client compares its answer with the server's schema."""

    async def called() -> CallToolResult:
        async with (
            streamable_http_client(f"{server}mcp") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await session.call_tool(name, arguments)

    return asyncio.run(called())


def text(answer: CallToolResult) -> str:
    """Return the first text of a tool's answer."""
    first = answer.content[0]
    assert isinstance(first, TextContent)
    return first.text


def test_four_tools_with_descriptions(server: str) -> None:
    found = {tool.name: tool for tool in tools(server)}
    assert list(found) == ["check", "check_many", "generate", "history"]
    for tool in found.values():
        assert len(str(tool.description)) > 60
        assert tool.outputSchema is not None
        assert all(each["description"] for each in tool.inputSchema["properties"].values())
    assert found["check_many"].inputSchema["required"] == ["pictures"]
    assert found["generate"].inputSchema["required"] == []


@pytest.mark.parametrize(
    "encoded",
    [f"data:image/png;base64,{ENCODED}", base64.encodebytes(PICTURE.read_bytes()).decode()],
    ids=["url", "lines"],
)
def test_check_answers_as_the_api_does(server: str, encoded: str) -> None:
    answer = use(server, "check", picture=encoded)
    assert not answer.isError
    same = Client(server, verbose=False).predict(picture=handle_file(PICTURE), api_name="/check")
    assert answer.structuredContent == same | {"file": "picture"}
    assert json.loads(text(answer)) == answer.structuredContent


def test_check_many_survives_a_bad_picture(server: str) -> None:
    bad = ["no picture at all", "é", "图片"]
    answer = use(server, "check_many", pictures=[ENCODED, *bad, ENCODED])
    assert answer.structuredContent is not None
    first, *unread, last = answer.structuredContent["result"]
    assert [each["file"] for each in (first, *unread, last)] == [f"picture-{index}" for index in range(5)]
    assert first["fake_probability"] == last["fake_probability"] is not None
    for each in unread:
        assert {key for key in CONTRACT if each[key] is not None} == {"file", "error"}


def test_generate_shows_the_digits(server: str) -> None:
    answer = use(server, "generate", digit=3, count=2, seed=5)
    made = json.loads(text(answer))
    same = Client(server, verbose=False).predict(digit=3, count=2, seed=5, api_name="/generate")
    assert made == same
    pictures = [each for each in answer.content if isinstance(each, ImageContent)]
    assert [each.data for each in pictures] == [each["png"] for each in made]
    checked = use(server, "check", picture=pictures[1].data)
    assert checked.structuredContent == made[1]["answer"] | {"file": "picture"}


def test_history_is_the_api_s(server: str) -> None:
    same = Client(server, verbose=False).predict(picture=handle_file(PICTURE), api_name="/history")
    assert use(server, "history", picture=ENCODED).structuredContent == same


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("generate", {"count": 0}, "0 is less than the minimum of 1"),
        ("check", {}, "'picture' is a required property"),
        ("check_many", {"pictures": []}, "should be non-empty"),
        ("history", {"picture": "none"}, "no picture"),
        ("train", {}, "There is no tool 'train'"),
    ],
)
def test_a_wrong_call_gets_a_reason(server: str, name: str, arguments: dict[str, Any], reason: str) -> None:
    answer = use(server, name, **arguments)
    assert answer.isError
    assert reason in text(answer)


def request_body(name: str, **arguments: Any) -> bytes:
    """A tool's call as it is sent."""
    call = {"name": name, "arguments": arguments}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).encode()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("check_many", {"pictures": ["A" * 300] * 2001}),
        ("generate", {"model": "A" * 4000}),
        ("A" * 4000, {}),
    ],
    ids=["items", "model", "tool"],
)
def test_a_long_argument_is_not_repeated(server: str, name: str, arguments: dict[str, Any]) -> None:
    headers = HEADERS | {"Content-Type": "application/json"}
    body = request_body(name, **arguments)
    answer = httpx.post(f"{server}mcp", content=body, headers=headers, trust_env=False, timeout=30)
    result = answer.json()["result"]
    assert result["isError"]
    (content,) = result["content"]
    assert 20 < len(content["text"]) < 350


def test_the_reason_of_an_unexpected_failure_is_only_logged(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("/somewhere/secret")

    monkeypatch.setattr(mcp_server, "call", broken)

    async def ask() -> httpx.Response:
        server = mcp_server.ToolServer(engine, "0.0.0.0")  # noqa: S104
        transport = httpx.ASGITransport(Starlette(routes=[server.route]))
        headers = HEADERS | {"Content-Type": "application/json"}
        async with server.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            body = request_body("check", picture=ENCODED)
            return await client.post(MCP_PATH, content=body, headers=headers)

    answer = asyncio.run(ask())
    assert answer.json()["result"]["content"][0]["text"] == UNEXPECTED
    assert "secret" not in answer.text


def test_a_path_on_the_server_is_not_read(server: str) -> None:
    for named in (str(PICTURE), Path(PICTURE).as_uri()):
        answer = use(server, "check", picture=named).structuredContent
        assert answer is not None
        assert answer["verdict"] is None
        assert "no picture" in answer["error"]


def test_a_web_page_of_another_host_is_refused(server: str) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    with httpx.Client(headers=HEADERS | {"Content-Type": "application/json"}, trust_env=False) as client:
        assert len(client.post(f"{server}mcp", content=body).json()["result"]["tools"]) == 4
        for foreign in ({"Origin": "http://example.org"}, {"Host": "example.org"}):
            assert client.post(f"{server}mcp", content=body, headers=foreign).status_code in (403, 421)
