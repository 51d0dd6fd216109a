"""`GET /models/FILE`: the published files, each compared with its checksum."""

import mimetypes
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.api.routes import MODELS_PATH
from demo.contract import MANIFEST
from demo.errors import ModelError
from demo.inference.manifest import LARGEST_MANIFEST, Manifest, read_plain

PIECE: Final = 1 << 18
"""Bytes of a file that are sent at once."""


def downloads_route(manifest: Manifest) -> Route:
    """Return the route of the files in a manifest, and of `manifest.json`.

    404 for any other name, 500 with a sentence for a file that is not the published one.
    """
    files = manifest.files

    @lru_cache(maxsize=len(files) + 1)
    def read(file: str, _version: tuple[int, ...]) -> bytes:
        """Return a file's content, which all its readers share; read again after a change."""
        return (
            read_plain(manifest.folder / file, LARGEST_MANIFEST) if file == MANIFEST else manifest.read(file)
        )

    # Not a coroutine: reading and hashing run in a thread.
    def answer(request: Request) -> Response:
        file = request.path_params["file"]
        if file != MANIFEST and file not in files:
            return PlainTextResponse(f"{file} is not among the published files.", 404)
        headers = {"Cache-Control": "no-cache"}
        if file != MANIFEST:
            headers["ETag"] = f'"{files[file]["sha256"]}"'
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
        # A browser shows pictures, and saves the other files.
        if not file.endswith(".png"):
            headers["Content-Disposition"] = f'attachment; filename="{file}"'
        try:
            state = (manifest.folder / file).lstat()
            version = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
            content = read(file, version)
        except (OSError, ModelError):
            # The error's own text names folders of this machine.
            return PlainTextResponse(f"{file} is missing here, or is not the file that was published.", 500)
        headers["Content-Length"] = str(len(content))
        kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
        return StreamingResponse(pieces(content), media_type=kind, headers=headers)

    return Route(f"/{MODELS_PATH}/{{file}}", answer)


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """Yield a file in pieces: uvicorn would hold the whole of it for each client that reads slowly."""
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]
