"""Requests to the token endpoint, as a form or as JSON, and their refusals (RFC 6749, 5.2; RFC 8693)."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

import msgspec

from common.sign_in.workload_identity.language.patterns import TEXT_LIMIT
from common.sign_in.workload_identity.model import ORG_AUDIENCE, RequestedToken, TokenType

BODY_LIMIT_BYTES = 64 * 1_024
DEFAULT_SECONDS = 7_200
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
REFRESH = "refresh_token"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - a kind of token
ACCESS_TOKEN = "urn:pulumi:token-type:access_token:"  # noqa: S105 - a kind of token
_FIELDS_LIMIT = 50
_SECONDS = re.compile(r"[0-9]{1,12}")
_SCOPES = {TokenType.TEAM: "team:", TokenType.PERSONAL: "user:", TokenType.RUNNER: "runner:"}
_ADMIN = "admin"


class Problem(StrEnum):
    """The error codes of RFC 6749 that this endpoint uses."""

    REQUEST = "invalid_request"
    GRANT = "invalid_grant"
    SCOPE = "invalid_scope"
    GRANT_TYPE = "unsupported_grant_type"


class TokenRefused(Exception):
    """A token is refused; the text is for the client, and contains no secret."""

    def __init__(self, problem: Problem, text: str) -> None:
        """Store the error code of RFC 6749 and the text."""
        super().__init__(text)
        self.problem = problem
        self.text = text


@dataclass(frozen=True, slots=True)
class ExchangeRequest:
    """A request to exchange an identity token."""

    org: str
    requested: RequestedToken
    seconds: int
    subject_token: str = field(repr=False)


def read_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form or a JSON object that are not empty; raises TokenRefused."""
    if len(body) > BODY_LIMIT_BYTES:
        raise TokenRefused(Problem.REQUEST, f"the body is longer than {BODY_LIMIT_BYTES:,} bytes")
    fields = _json(body) if body.lstrip()[:1] == b"{" else _form(body)
    return {name: value for name, value in fields.items() if value}


def read_exchange(fields: dict[str, str]) -> ExchangeRequest:
    """Return the exchange request in the fields; raises TokenRefused if fields are missing or do not fit together."""
    token = _required(fields, "subject_token")
    if _required(fields, "subject_token_type") != ID_TOKEN:
        raise TokenRefused(Problem.REQUEST, f"subject_token_type must be {ID_TOKEN}")
    audience = _required(fields, "audience")
    org = audience.removeprefix(ORG_AUDIENCE)
    if org == audience or not org:
        raise TokenRefused(Problem.REQUEST, f"audience must be {ORG_AUDIENCE} and the name of an organization")
    requested = _requested(_required(fields, "requested_token_type"), fields.get("scope", ""))
    return ExchangeRequest(org, requested, _seconds(fields), token)


def read_refresh(fields: dict[str, str]) -> str:
    """Return the refresh token in the fields; raises TokenRefused if it is missing."""
    return _required(fields, "refresh_token")


def scope_of(requested: RequestedToken) -> str:
    """Return the scope of a requested token."""
    if requested.token_type is TokenType.ORGANIZATION:
        return _ADMIN if requested.is_admin else ""
    return _SCOPES[requested.token_type] + requested.target


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_LIMIT, errors="strict")
    except ValueError as error:
        text = "the body must be a form, application/x-www-form-urlencoded, or a JSON object"
        raise TokenRefused(Problem.REQUEST, text) from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise TokenRefused(Problem.REQUEST, "each field may be sent only once")
    return dict(pairs)


def _json(body: bytes) -> dict[str, str]:
    try:
        members = msgspec.json.decode(body, type=dict[str, str | int | None])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise TokenRefused(Problem.REQUEST, "the body must be a JSON object of strings, or a form") from error
    return {name: str(value) for name, value in members.items() if value is not None}


def _required(fields: dict[str, str], name: str) -> str:
    if name not in fields:
        raise TokenRefused(Problem.REQUEST, f"{name} is missing")
    return fields[name]


def _requested(type_name: str, scope: str) -> RequestedToken:
    try:
        token_type = TokenType(type_name.removeprefix(ACCESS_TOKEN) if type_name.startswith(ACCESS_TOKEN) else "")
    except ValueError as error:
        types = ", ".join(ACCESS_TOKEN + token_type for token_type in TokenType)
        raise TokenRefused(Problem.REQUEST, f"requested_token_type must be one of {types}") from error
    if token_type is TokenType.ORGANIZATION:
        if scope not in ("", _ADMIN):
            raise TokenRefused(Problem.SCOPE, "the scope of an organization token is empty or `admin`")
        return RequestedToken(token_type, is_admin=scope == _ADMIN)
    prefix = _SCOPES[token_type]
    target = scope.removeprefix(prefix)
    if target == scope or not target or len(target) > TEXT_LIMIT:
        raise TokenRefused(Problem.SCOPE, f"the scope of a {token_type} token is `{prefix}` and a name")
    return RequestedToken(token_type, target)


def _seconds(fields: dict[str, str]) -> int:
    text = fields.get("expiration", "")
    if not text:
        return DEFAULT_SECONDS
    if not _SECONDS.fullmatch(text):
        raise TokenRefused(Problem.REQUEST, "expiration must be a number of seconds")
    # Clients send 0 if it is not set.
    return int(text) or DEFAULT_SECONDS
