"""`GET /healthz`: the state of the app and its models, for monitors and load balancers."""

import logging
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.api.routes import HEALTH_PATH
from demo.api.schema import API_VERSION
from demo.contract import VERSION
from demo.errors import DemoError, public_message
from demo.inference.engine import Engine
from demo.inference.manifest import check_golden

KEPT_SECONDS: Final = 10.0
"""How long a self-test counts, so that frequent requests do not keep the models busy."""


def health_route(engine: Engine, models: Sequence[str]) -> Route:
    """Return the route of `/healthz`, which tests `models`: 200, or 503 with a sentence when one fails."""
    lock = threading.Lock()
    state: dict[str, Any] = {}
    tested = -KEPT_SECONDS

    # Not a coroutine: the self-test runs in a thread.
    def answer(_: Request) -> JSONResponse:
        nonlocal state, tested
        with lock:
            if time.monotonic() - tested >= KEPT_SECONDS:
                state = self_test(engine, models)
                tested = time.monotonic()
            return JSONResponse(state, 200 if state["error"] is None else 503)

    return Route(HEALTH_PATH, answer)


def self_test(engine: Engine, names: Sequence[str]) -> dict[str, Any]:
    """Compare the numbers that models give now with the published ones; return the answer of `/healthz`.

    status: "serving", or "failing" with a sentence in error. fallbacks: a sentence for each device that was
    asked for and does not run. models: each with its version, the SHA-256 of its file and the provider that
    runs it. self_test: whether every model gave its published numbers, when (UTC), and in how many seconds.
    """
    started = time.monotonic()
    models: dict[str, Any] = {}
    error = None
    try:
        for name in names:
            session = engine.session(name)
            provider = session.get_providers()[0]
            check_golden(f"{name}.onnx", session, engine.entry(name)["golden"], provider)
            models[name] = {
                "version": session.get_modelmeta().custom_metadata_map["version"],
                "sha256": engine.entry(name)["sha256"],
                "provider": provider,
            }
    except DemoError as failure:
        error = public_message(failure)
    # A device that is lost raises its library's own exceptions.
    except Exception as failure:
        logging.getLogger("touchstone").exception("A model cannot run")
        error = f"A model cannot run ({type(failure).__name__}); restart the app."
    return {
        "status": "serving" if error is None else "failing",
        "version": VERSION,
        "api_version": API_VERSION,
        "model": engine.model,
        "provider": engine.provider,
        "fallbacks": list(engine.fallbacks),
        "models": models,
        "self_test": {
            "passed": error is None,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 4),
        },
        "error": error,
    }
