"""Which paths of the served app answer, to which methods, and how much they take: all others are 404.

Gradio has dozens of routes that neither the page nor a client of the API needs: addresses that it fetches for
the asker, files of earlier calls, monitoring, streams, a login, editors. None of them is reached.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from demo.api.check_route import CHECK_PATH
from demo.api.downloads import MODELS_PATH
from demo.api.gradio_inside import API_PATH
from demo.api.health import HEALTH_PATH
from demo.decoder.images import LARGEST_FILE_BYTES

LARGEST_UPLOAD_BYTES: Final = LARGEST_FILE_BYTES + (1 << 20)
"""Of a form: a file, or several that are as large together."""
LARGEST_CALL_BYTES: Final = 4 << 20
"""Of the JSON of a call: 2,000 files by their paths take about half of it, a drawing 30 KB."""
LARGEST_NOTE_BYTES: Final = 4 << 10
"""Of what says only which call is meant."""

UPLOAD_PATH: Final = f"{API_PATH}/upload"
NAME: Final = r"[A-Za-z0-9_-]{1,64}"
FILE: Final = r"(?:[\w@-][\w.@-]{0,99}/){0,8}[\w@-][\w.@-]{0,99}"


class Kind(Enum):
    """What becomes of a request's body."""

    NONE = auto()
    """There is none to be read, or it is counted and no more."""
    OWN = auto()
    """The route has limits of its own."""
    UPLOAD = auto()
    JOIN = auto()
    CALL = auto()
    CANCEL = auto()


@dataclass(frozen=True)
class Way:
    """A route that answers. most_bytes: of a body."""

    methods: tuple[str, ...]
    kind: Kind = Kind.NONE
    most_bytes: int = 0


READ: Final = Way(("GET", "HEAD"))
GET: Final = Way(("GET",))
EVERY: Final = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")
OWN: Final = Way(EVERY, Kind.OWN)

EXACT: Final[dict[str, Way]] = {
    CHECK_PATH: OWN,
    HEALTH_PATH: READ,
    "/": READ,
    "": READ,
    "/config": GET,
    "/theme.css": GET,
    "/favicon.ico": GET,
    "/robots.txt": GET,
    f"{API_PATH}/info": GET,
    f"{API_PATH}/app_id": GET,
    f"{API_PATH}/startup-events": GET,
    f"{API_PATH}/queue/data": GET,
    UPLOAD_PATH: Way(("POST",), Kind.UPLOAD, LARGEST_UPLOAD_BYTES),
    f"{API_PATH}/queue/join": Way(("POST",), Kind.JOIN, LARGEST_CALL_BYTES),
    f"{API_PATH}/cancel": Way(("POST",), Kind.CANCEL, LARGEST_NOTE_BYTES),
}
"""By their paths."""

PATTERNS: Final[tuple[tuple[re.Pattern[str], Way], ...]] = tuple(
    (re.compile(pattern, re.ASCII), way)
    for pattern, way in (
        (rf"/assets/{FILE}", GET),
        (rf"/static/{FILE}", GET),
        (rf"/{MODELS_PATH}/[^/\x00-\x1f]{{1,200}}", READ),
        (rf"{API_PATH}/heartbeat/{NAME}", GET),
        (rf"{API_PATH}/call/(?P<name>{NAME})", Way(("POST",), Kind.CALL, LARGEST_CALL_BYTES)),
        (rf"{API_PATH}/call/{NAME}/(?P<event>{NAME})", GET),
    )
)
"""By what their whole paths are like."""


def way_to(path: str) -> tuple[Way, dict[str, str]] | None:
    """The way of a path, and the parts of the path that it names; None where there is none."""
    exact = EXACT.get(path)
    if exact is not None:
        return exact, {}
    for pattern, way in PATTERNS:
        if match := pattern.fullmatch(path):
            return way, match.groupdict()
    return None
