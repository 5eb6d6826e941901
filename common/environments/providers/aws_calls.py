"""Calls of AWS services for providers and rotators, by their HTTP interfaces."""

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

from common.environments.language.interfaces import WorldError
from common.environments.providers import calls
from common.environments.providers.aws_signature import Credentials, Scope, sign_headers
from common.environments.providers.base import Access
from common.environments.providers.calls import Request

STATE_LIMIT_BYTES = 16 << 20
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
_CODE = re.compile(rb"<Code>([A-Za-z0-9_.]{1,80})</Code>")
_ERRORS = (400, 401, 403, 404, 409)


def credentials_of(login: Mapping[str, Any]) -> Credentials:
    """Return the credentials in a login, the result of `aws-login`."""
    return Credentials(login["accessKeyId"], login["secretAccessKey"], login.get("sessionToken") or "")


def endpoint(service: str, region: str) -> str:
    """Return the address of a service; raises WorldError for a text that names no region."""
    if not _REGION.fullmatch(region):
        raise WorldError("the region must be the name of an AWS region, such as eu-west-1")
    return f"https://{service}.{region}.{_domain(region)}"


def call_json(access: Access, credentials: Credentials, scope: Scope, target: str, body: Mapping[str, object]) -> Any:  # noqa: ANN401 - JSON
    """Return the answer of an operation of a service that takes JSON; raises WorldError."""
    url, content = f"{endpoint(scope.service, scope.region)}/", json.dumps(body).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target}
    signed = sign_headers(credentials, scope, url, headers, content, access.backend.clock.now())
    return calls.fetch(access, Request("POST", url, signed, content=content, shows_code=True))


def call_query(
    access: Access, url: str, form: Mapping[str, str], credentials: Credentials | None = None, scope: Scope | None = None
) -> bytes:
    """Return the XML that an operation of STS or IAM is answered with; raises WorldError. Not signed without credentials."""
    content = urlencode(form).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if credentials is not None and scope is not None:
        headers = sign_headers(credentials, scope, url, headers, content, access.backend.clock.now())
    return _answer(access, Request("POST", url, headers, content=content))


def get_object(access: Access, credentials: Credentials, region: str, bucket: str, key: str) -> bytes:
    """Return an object of S3; raises WorldError. The bucket is in the path, where a name with dots needs no certificate."""
    path = quote(f"{bucket}/{key}", safe="/-_.~")
    if "/" in bucket or any(part in ("", ".", "..") for part in path.split("/")):
        raise WorldError("the bucket and the key must be names without empty parts")
    url = f"{endpoint('s3', region)}/{path}"
    headers = sign_headers(credentials, Scope("s3", region), url, {}, b"", access.backend.clock.now(), method="GET")
    return _answer(access, Request("GET", url, headers, limit_bytes=STATE_LIMIT_BYTES))


def xml_text(answer: bytes, tag: str) -> str:
    """Return the text of the first element of a name, or ""."""
    match = re.search(rb"<" + tag.encode() + rb">([^<]*)</", answer)
    return unescape(match[1].decode("utf-8", "replace")) if match else ""


def _answer(access: Access, request: Request) -> bytes:
    reply = calls.send(access, request, also=_ERRORS)
    if reply.status != calls.OK:
        code = _CODE.search(reply.body)
        shown = f" ({code[1].decode()})" if code else ""
        raise WorldError(f"{calls.host_of(request.url)} answers with status {reply.status}{shown}")
    return reply.body


def _domain(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
