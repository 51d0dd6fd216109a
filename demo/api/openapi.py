"""`GET /openapi.json`: the OpenAPI description of the routes outside the page."""

from typing import Any, Final

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from demo.api import schema
from demo.api.arguments import GENERATE_DEFAULTS, generate_types
from demo.api.routes import CHECK_PATH, GENERATE_PATH, HEALTH_PATH, MODELS_PATH, OPENAPI_PATH
from demo.contract import VERSION
from demo.inference.engine import Engine

REFUSED: Final[schema.Schema] = schema.record(
    "A refusal.", error=schema.typed("string", "what is wrong and what to do, in one sentence")
)
BINARY: Final[schema.Schema] = {"type": "string", "format": "binary"}


def openapi_route(engine: Engine) -> Route:
    """Return the route of the description, whose parameters name the models that are installed."""
    description = openapi(engine)

    def answer(_: Request) -> JSONResponse:
        return JSONResponse(description)

    return Route(OPENAPI_PATH, answer)


def openapi(engine: Engine) -> dict[str, Any]:
    """Return the description, as OpenAPI 3.1."""
    kinds = generate_types(engine.generators)
    arguments = {
        name: TypeAdapter(kind).json_schema() | {"default": GENERATE_DEFAULTS[name]}
        for name, kind in kinds.items()
    }
    refusals = {
        "400": responded("The request holds something that this address does not take.", REFUSED),
        "503": responded("Too many requests wait, or a model cannot run; Retry-After says when.", REFUSED),
    }
    several = {"type": "object", "properties": {"files": {"type": "array", "items": BINARY}}}
    check = {
        "operationId": "check",
        "summary": "Judge a picture, or several.",
        "description": schema.DESCRIPTIONS["check"],
        "parameters": [
            queried("model", "the discriminator", engine.manifest.names("discriminator"), engine.model),
            queried("file", "the picture's name, which the answer repeats"),
        ],
        "requestBody": {
            "required": True,
            "content": {
                "image/*": {"schema": BINARY},
                "application/octet-stream": {"schema": BINARY},
                "multipart/form-data": {"schema": several},
            },
        },
        "responses": {
            "200": responded(
                "One answer; of a form a list of answers.", {"oneOf": [schema.ANSWER, schema.ANSWERS]}
            ),
            **refusals,
            "413": responded("A picture, or the form, is too large.", REFUSED),
            "415": responded("The body is no picture.", REFUSED),
        },
    }
    generate = {
        "operationId": "generate",
        "summary": "Make digits, and judge each.",
        "description": schema.DESCRIPTIONS["generate"],
        "parameters": [queried("model", "the generator, unless the body names it", engine.generators)],
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": arguments, "additionalProperties": False}
                }
            }
        },
        "responses": {"200": responded("The digits.", schema.GENERATED), **refusals},
    }
    file = {"name": "file", "in": "path", "required": True, "schema": {"enum": sorted(engine.manifest.files)}}
    health = {
        "operationId": "health",
        "summary": "Say whether the app is fit to serve, with which models and on which device.",
        "responses": {
            status: responded(what, {"type": "object"})
            for status, what in (("200", "It serves."), ("503", "A model fails its self-test."))
        },
    }
    download = {
        "operationId": "download",
        "summary": "Download a published file.",
        "parameters": [file],
        "responses": {"200": {"description": "The file.", "content": {"*/*": {"schema": BINARY}}}},
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Touchstone",
            "version": schema.API_VERSION,
            "description": f"Touchstone {VERSION}: was this digit written, or generated?",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        # Relative, so that it holds behind a proxy, too.
        "servers": [{"url": "./"}],
        "paths": {
            CHECK_PATH: {"post": check},
            GENERATE_PATH: {"post": generate},
            HEALTH_PATH: {"get": health},
            f"/{MODELS_PATH}/{{file}}": {"get": download},
        },
    }


def responded(description: str, content: schema.Schema) -> dict[str, Any]:
    """Return the description of a response with a JSON body."""
    return {"description": description, "content": {"application/json": {"schema": content}}}


def queried(
    name: str, description: str, choices: tuple[str, ...] = (), default: str | None = None
) -> dict[str, Any]:
    """Return the description of a parameter in the address."""
    kind: dict[str, Any] = {"type": "string"}
    if choices:
        kind["enum"] = list(choices)
    if default is not None:
        kind["default"] = default
    return {"name": name, "in": "query", "description": description, "schema": kind}
