"""`GET /models/FILE`: the published files, each compared with its checksum."""

import mimetypes
from collections.abc import AsyncIterator
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
SHOWN: Final = (".png",)
"""Endings of files that a browser shows; it saves the others."""


def downloads_route(manifest: Manifest) -> Route:
    """Return the route of the files in a manifest, and of `manifest.json`.

    404 for any other name, 500 with a sentence for a file that is not the published one.
    """
    cache = FileCache(manifest)

    # Not a coroutine: reading and hashing run in a thread.
    def answer(request: Request) -> Response:
        return file_response(cache, request.path_params["file"], request.headers.get("if-none-match"))

    return Route(f"/{MODELS_PATH}/{{file}}", answer)


class FileCache:
    """Published files in memory, read and compared with their checksums once, and again after a change."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._files: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def read(self, file: str) -> bytes:
        """Return a file's content; raises OSError or ModelError where it is not the published one."""
        path = self.manifest.folder / file
        state = path.lstat()
        version = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        known = self._files.get(file)
        if known is None or known[0] != version:
            content = read_plain(path, LARGEST_MANIFEST) if file == MANIFEST else self.manifest.read(file)
            known = self._files[file] = (version, content)
        return known[1]


def file_response(cache: FileCache, file: str, known: str | None) -> Response:
    """Return a file as a response, or 304 where the client's copy is the same. known: its `ETag`, if any."""
    files = cache.manifest.files
    if file != MANIFEST and file not in files:
        return PlainTextResponse(f"{file} is not among the published files.", 404)
    headers = {"Cache-Control": "no-cache"}
    if file != MANIFEST:
        headers["ETag"] = f'"{files[file]["sha256"]}"'
        if known == headers["ETag"]:
            return Response(status_code=304, headers=headers)
    if not file.endswith(SHOWN):
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
    try:
        content = cache.read(file)
    except (OSError, ModelError):
        # The error's own text names folders of this machine.
        return PlainTextResponse(f"{file} is missing here, or is not the file that was published.", 500)
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    headers["Content-Length"] = str(len(content))
    return StreamingResponse(pieces(content), media_type=kind, headers=headers)


async def pieces(content: bytes) -> AsyncIterator[bytes]:
    """Yield a file in pieces: uvicorn would hold the whole of it for each client that reads slowly."""
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]
