"""`GET /models/FILE`: the published files, each compared with its checksum."""

from functools import lru_cache

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from demo.api.routes import MODELS_PATH
from demo.contract import MANIFEST
from demo.errors import ModelError
from demo.inference.manifest import Manifest


def downloads_route(manifest: Manifest) -> Route:
    """Return the route of the files in a manifest, and of `manifest.json`.

    404 for any other name, 500 with a sentence for a file that is not the published one.
    """
    files = manifest.files

    @lru_cache
    def compare(file: str, *_changed: int) -> None:
        manifest.read(file)

    # Not a coroutine: hashing runs in a thread.
    def answer(request: Request) -> Response:
        file = request.path_params["file"]
        if file != MANIFEST and file not in files:
            return PlainTextResponse(f"{file} is not among the published files.", 404)
        headers = {"Cache-Control": "no-cache"}
        # A browser shows pictures, and saves the other files.
        if not file.endswith(".png"):
            headers["Content-Disposition"] = f'attachment; filename="{file}"'
        if file != MANIFEST:
            headers["ETag"] = f'"{files[file]["sha256"]}"'
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            try:
                state = (manifest.folder / file).lstat()
                # On Windows st_ctime_ns is when the file was made.
                compare(file, state.st_mtime_ns, state.st_ctime_ns)
            except (OSError, ModelError):
                # The error's own text names folders of this machine.
                reason = f"{file} is missing here, or is not the file that was published."
                return PlainTextResponse(reason, 500)
        return FileResponse(manifest.folder / file, headers=headers)

    return Route(f"/{MODELS_PATH}/{{file}}", answer)
