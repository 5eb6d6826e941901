"""The description of the API, put together from the routes that are really served."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from fastapi import FastAPI

from functions.http.groups import GROUPS

_SEGMENT = re.compile(r"\{(\w+)")
# Upstream has an operation of its own for each of them where a route of ours has a parameter.
_KIND, _KINDS = "{kind}", ("destroy", "preview", "refresh", "update")
# Method and path in upstream's spelling → the name of the operation, which people give to `pulumi api describe`.
_NAMES = Path(__file__).with_name("operation_names.json")


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
    paths: dict[str, dict[str, Any]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for upstream_path, upstream_operation in _as_upstream(method, path, operation):
                paths.setdefault(upstream_path, {})[method] = upstream_operation
    return msgspec.json.encode(description | {"paths": paths})


def _as_upstream(method: str, path: str, operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a path and the operation with upstream's names of the operation and its parameters; our own additions stay."""
    for kind in _KINDS if _KIND in path else ("",):
        own_path = path.replace(_KIND, kind)
        upstream_path, name = _upstream_names().get(_key(method, own_path), (own_path, f"{operation['operationId']}{kind}"))
        renamed = dict(zip(_SEGMENT.findall(own_path), _SEGMENT.findall(upstream_path), strict=True))
        given = operation.get("parameters", ())
        parameters = [
            item | {"name": renamed[item["name"]]} for item in given if item["in"] == "path" and item["name"] in renamed
        ]
        parameters += [item for item in given if item["in"] != "path"]
        yield upstream_path, operation | {"operationId": name, "parameters": _with_segments(upstream_path, parameters)}


def _with_segments(path: str, parameters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return parameters with those of a path that its handler takes as one value, such as a stack's three names."""
    declared = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
    missing = [name for name in _SEGMENT.findall(path) if name not in declared]
    return [*parameters, *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in missing)]


@cache
def _upstream_names() -> dict[tuple[str, str], tuple[str, str]]:
    names: dict[str, str] = msgspec.json.decode(_NAMES.read_bytes())
    return {_key(*operation.split(" ")): (operation.split(" ")[1], name) for operation, name in names.items()}


def _key(method: str, path: str) -> tuple[str, str]:
    """Return what an operation of ours and upstream's have in common: the method, and the path without parameters' names."""
    return method.upper(), "/".join("{}" if segment.startswith("{") else segment for segment in path.split("/"))
