"""`GET /models/FILE`: the published files as they are, each through its checksum."""

import mimetypes
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demo.contract import MANIFEST
from demo.errors import ModelError
from demo.inference.manifest import LARGEST_MANIFEST, Manifest, read_plain

MODELS_PATH: Final = "models"
"""Where the files lie, from the page's own address."""

SHOWN: Final = (".png",)
"""Endings of files that a page shows; the others are saved."""


def downloads_route(manifest: Manifest) -> Route:
    """The route of a models folder's files: those of the manifest and `manifest.json`, and no others.

    404 for any other name, 500 and a sentence for a file that is not the one published.
    """

    shelf = Shelf(manifest)

    # Not a coroutine, so that reading and hashing run in a thread and hold nobody up.
    def answer(request: Request) -> Response:
        return file_response(shelf, request.path_params["file"], request.headers.get("if-none-match"))

    return Route(f"/{MODELS_PATH}/{{file}}", answer)


class Shelf:
    """A models folder's files, each read and compared with its checksum once; again where it was changed.

    Without it many who ask for the largest file at once would have it read and hashed, and held, once each.
    """

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._kept: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def read(self, file: str) -> bytes:
        """A file's content; raises OSError or ModelError where it is not the one published."""
        path = self.manifest.folder / file
        state = path.lstat()
        seen = (state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
        kept = self._kept.get(file)
        if kept is None or kept[0] != seen:
            content = read_plain(path, LARGEST_MANIFEST) if file == MANIFEST else self.manifest.read(file)
            kept = self._kept[file] = (seen, content)
        return kept[1]


def file_response(shelf: Shelf, file: str, known: str | None) -> Response:
    """A file of the manifest. known: the `ETag` that the asker has, if any: 304 where it holds."""
    manifest = shelf.manifest
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
        content = shelf.read(file)
    except (OSError, ModelError):
        # Its own words name folders of this machine.
        return PlainTextResponse(f"{file} is missing here, or is not the file that was published.", 500)
    kind = mimetypes.guess_type(file)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers=headers)
