"""The description of the API, put together from the routes that are really served."""

import re
from functools import cache
from importlib import import_module
from typing import Any

import msgspec
from fastapi import FastAPI

from functions.http.groups import GROUPS

_SEGMENT = re.compile(r"\{(\w+)")


@cache
def document() -> bytes:
    """Return the OpenAPI document as JSON; the first call of a process imports every group."""
    app = FastAPI(
        title="Stackhold",
        version="1",
        description="The part of Pulumi Cloud's HTTP API that this server speaks. Bodies follow upstream's own description.",
    )
    for group in GROUPS:
        if group.package == "api":
            app.include_router(import_module(group.path).router, tags=[group.module])
    description = app.openapi()
    for path, operations in description["paths"].items():
        for operation in operations.values():
            _declare_segments(path, operation)
    return msgspec.json.encode(description)


def _declare_segments(path: str, operation: dict[str, Any]) -> None:
    """Add the parameters of a path that its handler takes as one value, such as a stack's three names."""
    parameters = operation.setdefault("parameters", [])
    declared = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    for name in _SEGMENT.findall(path):
        if name not in declared:
            parameters.append({"name": name, "in": "path", "required": True, "schema": {"type": "string"}})
