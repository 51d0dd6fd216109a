"""python ask_mcp.py digit.png: the answer as JSON. Needs mcp, and the app with --mcp at this address."""

import asyncio
import base64
import json
import sys
from pathlib import Path

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

ADDRESS = "http://127.0.0.1:7860/mcp"


async def check(file: str) -> None:
    """Print what the tool `check` answers for a picture file."""
    picture = base64.b64encode(Path(file).read_bytes()).decode()
    async with streamable_http_client(ADDRESS) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        result = await session.call_tool("check", {"picture": picture})
    print(json.dumps(result.structuredContent))


asyncio.run(check(sys.argv[1]))
