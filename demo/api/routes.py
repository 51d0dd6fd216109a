"""The routes that answer, to which methods, and how large a body each takes; every other path is 404.

Gradio has dozens of routes that neither the page nor an API client needs: a proxy for other addresses, files
of earlier calls, monitoring, streams, a login, editors. None of them can be reached.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from demo.api.limits import LARGEST_CALL, LARGEST_CANCEL, LARGEST_FORM, LARGEST_UPLOAD

CHECK_PATH: Final = "/v1/check"
HEALTH_PATH: Final = "/healthz"
MODELS_PATH: Final = "models"
"""Where the published files lie, from the page's own address."""
MCP_PATH: Final = "/mcp"
GRADIO_API: Final = "/gradio_api"

READ: Final = ("GET", "HEAD", "OPTIONS")
POST: Final = ("POST", "OPTIONS")
EVERY: Final = (*READ, "POST", "PUT", "PATCH", "DELETE")


class Body(Enum):
    """What a route takes as a request's body."""

    NONE = auto()
    FILES = auto()
    UPLOAD = auto()
    JSON = auto()
    JOIN = auto()
    """A call of the page, which names its event by number."""
    CALL = auto()
    """A call of the API, which names its endpoint in the path."""


@dataclass(frozen=True)
class Rule:
    """A route that answers. pattern: of the whole path. limit: bytes of a body."""

    pattern: re.Pattern[str]
    methods: tuple[str, ...]
    body: Body = Body.NONE
    limit: int = 0


def rule(path: str, methods: tuple[str, ...], body: Body = Body.NONE, limit: int = 0) -> Rule:
    """Return a rule for a path, which is a regular expression."""
    return Rule(re.compile(path, re.ASCII), methods, body, limit)


NAME: Final = r"[A-Za-z0-9_-]{1,64}"
FILE: Final = r"(?:[\w@-][\w.@-]{0,99}/){0,8}[\w@-][\w.@-]{0,99}"

API_RULES: Final = (
    rule(CHECK_PATH, EVERY, Body.FILES, LARGEST_FORM),
    rule(HEALTH_PATH, READ),
    rule(rf"/{MODELS_PATH}/[^/\x00-\x1f]{{1,200}}", READ),
)
"""Routes of the API alone; `/v1/check` refuses other methods itself."""

PAGE_RULES: Final = (
    rule("/?", READ),
    rule(r"/config|/theme\.css|/favicon\.ico|/robots\.txt", READ),
    rule(rf"/(?:assets|static)/{FILE}", READ),
    rule(rf"{GRADIO_API}/(?:info|app_id|startup-events|queue/data|heartbeat/{NAME})", READ),
    rule(rf"{GRADIO_API}/upload", POST, Body.UPLOAD, LARGEST_UPLOAD),
    rule(rf"{GRADIO_API}/queue/join", POST, Body.JOIN, LARGEST_CALL),
    rule(rf"{GRADIO_API}/cancel", POST, Body.JSON, LARGEST_CANCEL),
    rule(rf"{GRADIO_API}/call/(?P<name>{NAME})", POST, Body.CALL, LARGEST_CALL),
    rule(rf"{GRADIO_API}/call/{NAME}/(?P<event>{NAME})", READ),
)
"""Routes of the page and of gradio's API."""

MCP_RULE: Final = rule(MCP_PATH, EVERY, Body.JSON, LARGEST_FORM)


def find_rule(rules: Iterable[Rule], path: str) -> tuple[Rule, dict[str, str]] | None:
    """Return the rule for a path and the named parts of the path, or None."""
    for each in rules:
        if match := each.pattern.fullmatch(path):
            return each, match.groupdict()
    return None
