"""API Gateway's events as ASGI requests, and what fits through the gateway; on top of Mangum, which leaves three things out.

Mangum knows no raw path and decodes a path that was decoded already, keeps the body of a HEAD, and hands the runtime replies
that the runtime refuses.
"""

import json
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

from mangum.handlers import APIGateway, HTTPGateway
from mangum.types import Response, Scope

from functions.http.middleware import PREFIX, without_prefix
from functions.http.size_limits import Carrier

# The runtime takes 6 MiB and a little; headers and the event's own members need their part.
REPLY_LIMIT_BYTES = 6_000_000
# Lambda takes events of 6 MiB and the gateway answers larger ones itself, with words that the command line cannot read.
# Requests that are nearly that large are refused here, so that most of those that are too large meet our words.
REQUEST_LIMIT_CHARACTERS = 6_000_000
REQUEST_WORDS = "about 4.5 MB compressed"
# One byte of text becomes six at worst, as in \u0000.
_WORST_ESCAPE = 6


class V2(HTTPGateway):
    """An event of an HTTP API, payload format 2.0."""

    @cached_property
    def scope(self) -> Scope:
        """Return the ASGI scope with the path as it was sent, without the name of the stage before it."""
        scope: Scope = super().scope
        raw = str(self.event.get("rawPath") or scope["path"])
        raw, prefix = _without_stage(raw, self.event["requestContext"])
        return {**scope, "path": unquote(raw), "raw_path": raw.encode("utf-8", "surrogateescape"), PREFIX: prefix}

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return the reply as the gateway takes it."""
        answer: dict[str, Any] = super().__call__(_without_body(self.scope, response))
        return answer


class V1(APIGateway):
    """An event of a REST API, or of an HTTP API with payload format 1.0."""

    @cached_property
    def scope(self) -> Scope:
        """Return the ASGI scope with the path, which this format brings decoded, without the name of the stage before it."""
        scope: Scope = super().scope
        path, context = str(self.event["path"]) or "/", self.event["requestContext"]
        stage = _stage(context)
        if stage and context.get("path") == stage + path:
            # A REST API: the stage is in the client's path alone.
            prefix = stage
        else:
            path, prefix = _without_stage(path, context)
        return {**scope, "path": path, "raw_path": quote(path, safe="/~:@!$&'()*+,;=").encode(), PREFIX: prefix}

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return the reply as the gateway takes it."""
        answer: dict[str, Any] = super().__call__(_without_body(self.scope, response))
        return answer


def _stage(context: dict[str, Any]) -> str:
    """Return the path segment of a stage with a name, or an empty text."""
    name = str(context.get("stage") or "")
    return "" if name in ("", "$default") else f"/{name}"


def _without_stage(path: str, context: dict[str, Any]) -> tuple[str, str]:
    """Return a path without the segment of its stage, and that segment, if it begins with it."""
    stage = _stage(context)
    rest = without_prefix(path, stage)
    return (rest, stage) if rest != path else (path, "")


def is_too_large(event: dict[str, Any]) -> bool:
    """Tell whether a request is larger than what may come near the limit of the platform."""
    return len(event.get("body") or "") > REQUEST_LIMIT_CHARACTERS


def carried_bytes(body: bytes) -> int:
    """Return how many bytes of the reply's JSON a body takes: base64 for what is no text, escaped text otherwise."""
    if len(body) * _WORST_ESCAPE <= REPLY_LIMIT_BYTES:
        return len(body)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return -(-len(body) // 3) * 4
    return len(json.dumps(text))


CARRIER = Carrier("AWS Lambda", REPLY_LIMIT_BYTES, carried_bytes)


def _without_body(scope: Scope, response: Response) -> Response:
    return {**response, "body": b""} if scope["method"] == "HEAD" else response
