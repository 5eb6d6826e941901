"""Signature version 4 of AWS, computed here: loading the SDK would cost an open 250 ms, and the package for Azure has none."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

_ALGORITHM, _TERMINATOR = "AWS4-HMAC-SHA256", "aws4_request"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key of AWS."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which service in which region a request is for."""

    service: str
    region: str


def sign_headers(  # noqa: PLR0917 - what is signed
    credentials: Credentials, scope: Scope, url: str, headers: dict[str, str], body: bytes, now: datetime, *, method: str = "POST"
) -> dict[str, str]:
    """Return the headers of a request with its signature; the path of the address is encoded already."""
    parts = urlsplit(url)
    day, at = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    payload = hashlib.sha256(body).hexdigest()
    signed = {**headers, "Host": parts.netloc, "X-Amz-Date": at, "X-Amz-Content-Sha256": payload}
    if credentials.session_token:
        signed["X-Amz-Security-Token"] = credentials.session_token
    lines = sorted((name.lower(), value.strip()) for name, value in signed.items())
    names = ";".join(name for name, _ in lines)
    canonical = "".join(f"{name}:{value}\n" for name, value in lines)
    request = "\n".join((method, parts.path or "/", parts.query, canonical, names, payload))
    where = f"{day}/{scope.region}/{scope.service}/{_TERMINATOR}"
    text = "\n".join((_ALGORITHM, at, where, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (day, scope.region, scope.service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    signed["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{where}, SignedHeaders={names}, Signature={signature}"
    )
    return signed
