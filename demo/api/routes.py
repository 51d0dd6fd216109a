"""The routes that answer, to which methods, and how large a body each takes; every other path is 404.

Gradio has dozens of routes that neither the page nor an API client needs: a proxy for other addresses, files
of earlier calls, monitoring, streams, a login, editors. None of them can be reached.
"""

from dataclasses import dataclass
from typing import Final, Literal

from demo.api.limits import LARGEST_CALL, LARGEST_CANCEL, LARGEST_FORM, LARGEST_UPLOAD

CHECK_PATH: Final = "/v1/check"
GENERATE_PATH: Final = "/v1/generate"
OPENAPI_PATH: Final = "/openapi.json"
HEALTH_PATH: Final = "/healthz"
MODELS_PATH: Final = "models"
"""Path of the published files, relative to the page."""
MCP_PATH: Final = "/mcp"
GRADIO_API: Final = "/gradio_api"

READ: Final = ("GET", "HEAD", "OPTIONS")
POST: Final = ("POST", "OPTIONS")
EVERY: Final = (*READ, "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Rule:
    """A route that answers.

    path: regular expression of the whole path. body: what is checked before gradio reads it; a "call" names
    its endpoint in the path, or the number of its event in the body; with `named` its body names its values.
    limit: bytes of a body. query: gradio may read the query.
    """

    path: str
    methods: tuple[str, ...] = READ
    body: Literal["upload", "json", "call"] | None = None
    limit: int = 0
    query: bool = False


NAME: Final = r"[A-Za-z0-9_-]{1,64}"
FILE: Final = r"(?:[\w@-][\w.@-]{0,99}/){0,8}[\w@-][\w.@-]{0,99}"

API_RULES: Final = (
    Rule(CHECK_PATH, POST, limit=LARGEST_FORM, query=True),
    Rule(GENERATE_PATH, POST, limit=LARGEST_CANCEL, query=True),
    Rule(rf"{HEALTH_PATH}|{OPENAPI_PATH}"),
    Rule(rf"/{MODELS_PATH}/[^/\x00-\x1f]{{1,200}}"),
)
PAGE_RULES: Final = (
    # Before the answers of calls, which have one more name.
    Rule(rf"{GRADIO_API}/call/(?:(?P<named>v2)/)?(?P<name>{NAME})", POST, "call", LARGEST_CALL),
    Rule(r"/?|/config|/theme\.css|/favicon\.ico|/robots\.txt"),
    Rule(rf"/(?:assets|static)/{FILE}"),
    Rule(rf"{GRADIO_API}/(?:app_id|startup-events|heartbeat/{NAME}|call/(?:v2/)?{NAME}/(?P<event>{NAME}))"),
    Rule(rf"{GRADIO_API}/(?:info|queue/data)", query=True),
    Rule(rf"{GRADIO_API}/upload", POST, "upload", LARGEST_UPLOAD),
    Rule(rf"{GRADIO_API}/queue/join", POST, "call", LARGEST_CALL, query=True),
    Rule(rf"{GRADIO_API}/cancel", POST, "json", LARGEST_CANCEL),
)
"""Routes of the page and of gradio's API."""

MCP_RULE: Final = Rule(MCP_PATH, EVERY, "json", LARGEST_FORM)
