"""Logins without a password: tokens of AWS and of Azure that the MySQL server checks in its place.

An RDS token is a signed address; it is signed here, since loading the SDK for it would cost a request 250 ms. Both kinds
travel as they are, so `MySQL` refuses them without verified TLS, and so does the connection.
"""

import hashlib
import hmac
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from common.core.errors import StartUpError, Unavailable

RDS_TOKEN_SECONDS = 900
ENTRA_SCOPE = "https://ossrdbms-aad.database.windows.net/.default"
_SERVICE, _TERMINATOR, _ALGORITHM = "rds-db", "aws4_request", "AWS4-HMAC-SHA256"
_RDS_HOST = re.compile(r"[^.]+\.[^.]+\.([a-z0-9-]+)\.rds\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose permission an RDS token carries."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class RdsUser:
    """A user of a database server on RDS who signs in by IAM."""

    host: str
    port: int
    name: str
    region: str


CredentialSource = Callable[[], Credentials]


class RdsToken:
    """Tokens for RDS, signed anew each time: that takes no call and less time than keeping one would save."""

    server_plugin: str | None = "AWSAuthenticationPlugin"

    def __init__(self, user: RdsUser, credentials: CredentialSource) -> None:
        """Take where the credentials come from; they are asked for each time, as they expire."""
        self._user = user
        self._credentials = credentials

    def current(self) -> str:
        """Return a token."""
        return sign(self._user, self._credentials(), datetime.now(UTC))

    def forget(self) -> None:
        """Do nothing: none is kept."""


class EntraToken:
    """Tokens of Microsoft Entra for Azure's MySQL, kept by the SDK until they are about to expire."""

    server_plugin: str | None = None

    def __init__(self, make_credential: Callable[[], object]) -> None:
        """Take what makes the SDK's credential; it is made on first use."""
        self._make = make_credential
        self._credential: object | None = None
        self._lock = threading.Lock()

    def current(self) -> str:
        """Return a token; raises Unavailable when Azure gives none."""
        with self._lock:
            self._credential = self._credential or self._make()
            try:
                return str(self._credential.get_token(ENTRA_SCOPE).token)  # type: ignore[attr-defined]
            except Exception as error:
                raise Unavailable(f"Azure did not issue a token for the database: {type(error).__name__}") from error

    def forget(self) -> None:
        """Drop the credential together with the token that it keeps."""
        with self._lock:
            self._credential = None


def rds_region(host: str, configured: str) -> str:
    """Return the region of an RDS server: that in its name, which is always right, or the configured one."""
    match = _RDS_HOST.fullmatch(host)
    region = match.group(1) if match else configured
    if not region:
        raise StartUpError(
            "AWS_REGION must be set: the name in PULUMI_DATABASE_ENDPOINT does not contain the region of the database"
        )
    return region


def sign(user: RdsUser, credentials: Credentials, now: datetime) -> str:
    """Return a token that is good for 15 minutes: the address of a request to connect, signed by signature version 4."""
    day, at = now.strftime("%Y%m%d"), now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{day}/{user.region}/{_SERVICE}/{_TERMINATOR}"
    members = {
        "Action": "connect",
        "DBUser": user.name,
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(RDS_TOKEN_SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if credentials.session_token:
        members["X-Amz-Security-Token"] = credentials.session_token
    query = urlencode(sorted(members.items()), safe="-_.~", quote_via=quote)
    address = f"{user.host}:{user.port}"
    request = "\n".join(("GET", "/", query, f"host:{address}", "", "host", _digest("")))
    signed = "\n".join((_ALGORITHM, at, scope, _digest(request)))
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in (day, user.region, _SERVICE, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{address}/?{query}&X-Amz-Signature={hmac.digest(key, signed.encode(), 'sha256').hex()}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
