"""`GET /models/FILE`: the published files as they are, each through its checksum."""

import mimetypes
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demo.contract import MANIFEST
from demo.errors import ModelError
from demo.manifest import LARGEST_MANIFEST, Manifest, read_plain

MODELS_PATH: Final = "models"
"""Where the files lie, from the page's own address."""

SHOWN: Final = (".png",)
"""Endings of files that a page shows; the others are saved."""


def downloads_route(manifest: Manifest) -> Route:
    """The route of a models folder's files: those of the manifest and `manifest.json`, and no others.

    404 for any other name, 500 and a sentence for a file that is not the one published.
    """

    # Not a coroutine, so that reading and hashing run in a thread and hold nobody up.
    def answer(request: Request) -> Response:
        return file_response(manifest, request.path_params["file"], request.headers.get("if-none-match"))

    return Route(f"/{MODELS_PATH}/{{file}}", answer)


def file_response(manifest: Manifest, file: str, known: str | None) -> Response:
    """A file of the manifest. known: the `ETag` that the asker has, if any: 304 where it holds."""
    if file != MANIFEST and file not in manifest.files:
        return PlainTextResponse(f"{file} is not among the published files.", 404)
    headers = {"Cache-Control": "no-cache"}
    if file != MANIFEST:
        headers["ETag"] = f'"{manifest.files[file]["sha256"]}"'
        if known == headers["ETag"]:
            return Response(status_code=304, headers=headers)
    if not file.endswith(SHOWN):
        headers["Content-Disposition"] = f'attachment; filename="{file}"'
    try:
        content = (
            read_plain(manifest.folder / file, LARGEST_MANIFEST) if file == MANIFEST else manifest.read(file)
        )
    except (OSError, ModelError):
        # Its own words name folders of this machine.
        return PlainTextResponse(f"{file} is missing here, or is not the file that was published.", 500)
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers=headers)
