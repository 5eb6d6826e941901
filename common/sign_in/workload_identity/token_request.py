"""What is sent to the token endpoint, as a form or as JSON, and how it is refused (RFC 6749, 5.2; RFC 8693)."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl

import msgspec

from common.sign_in.workload_identity.language.patterns import TEXT_LIMIT
from common.sign_in.workload_identity.model import ORG_AUDIENCE, TokenType, Wish

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
    """The errors of RFC 6749 that this endpoint answers with."""

    REQUEST = "invalid_request"
    GRANT = "invalid_grant"
    SCOPE = "invalid_scope"
    GRANT_TYPE = "unsupported_grant_type"


class TokenRefused(Exception):
    """A token is refused; the text is for whoever asked, and repeats no secret."""

    def __init__(self, problem: Problem, text: str) -> None:
        """Carry the error of RFC 6749 and what there is to say."""
        super().__init__(text)
        self.problem = problem
        self.text = text


@dataclass(frozen=True, slots=True)
class Asked:
    """An exchange that is asked for."""

    org: str
    wish: Wish
    seconds: int
    subject_token: str = field(repr=False)


def read_fields(body: bytes) -> dict[str, str]:
    """Return the fields of a form or of a JSON object, those that are set; raises TokenRefused."""
    if len(body) > BODY_LIMIT_BYTES:
        msg = f"the body is longer than {BODY_LIMIT_BYTES:,} bytes"
        raise TokenRefused(Problem.REQUEST, msg)
    fields = _json(body) if body.lstrip()[:1] == b"{" else _form(body)
    return {name: value for name, value in fields.items() if value}


def read_exchange(fields: dict[str, str]) -> Asked:
    """Return the exchange that is asked for; raises TokenRefused for what is missing or does not fit together."""
    token = _required(fields, "subject_token")
    if _required(fields, "subject_token_type") != ID_TOKEN:
        msg = f"subject_token_type must be {ID_TOKEN}"
        raise TokenRefused(Problem.REQUEST, msg)
    audience = _required(fields, "audience")
    org = audience.removeprefix(ORG_AUDIENCE)
    if org == audience or not org:
        msg = f"audience must be {ORG_AUDIENCE} and the name of an organization"
        raise TokenRefused(Problem.REQUEST, msg)
    wish = _wish(_required(fields, "requested_token_type"), fields.get("scope", ""))
    return Asked(org, wish, _seconds(fields), token)


def read_refresh(fields: dict[str, str]) -> str:
    """Return the refresh token that is sent; raises TokenRefused without one."""
    return _required(fields, "refresh_token")


def scope_of(wish: Wish) -> str:
    """Return the scope by which this is asked for."""
    if wish.token_type is TokenType.ORGANIZATION:
        return _ADMIN if wish.is_admin else ""
    return _SCOPES[wish.token_type] + wish.target


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_LIMIT, errors="strict")
    except ValueError as error:
        msg = "the body must be a form, application/x-www-form-urlencoded, or a JSON object"
        raise TokenRefused(Problem.REQUEST, msg) from error
    if len({name for name, _ in pairs}) != len(pairs):
        msg = "no field may be given more than once"
        raise TokenRefused(Problem.REQUEST, msg)
    return dict(pairs)


def _json(body: bytes) -> dict[str, str]:
    try:
        found = msgspec.json.decode(body, type=dict[str, str | int | None])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = "the body must be a JSON object of texts, or a form"
        raise TokenRefused(Problem.REQUEST, msg) from error
    return {name: str(value) for name, value in found.items() if value is not None}


def _required(fields: dict[str, str], name: str) -> str:
    if name not in fields:
        msg = f"{name} is missing"
        raise TokenRefused(Problem.REQUEST, msg)
    return fields[name]


def _wish(requested: str, scope: str) -> Wish:
    try:
        token_type = TokenType(requested.removeprefix(ACCESS_TOKEN) if requested.startswith(ACCESS_TOKEN) else "")
    except ValueError as error:
        kinds = ", ".join(ACCESS_TOKEN + kind for kind in TokenType)
        msg = f"requested_token_type must be one of {kinds}"
        raise TokenRefused(Problem.REQUEST, msg) from error
    if token_type is TokenType.ORGANIZATION:
        if scope not in ("", _ADMIN):
            msg = "the scope of an organization token is empty or `admin`"
            raise TokenRefused(Problem.SCOPE, msg)
        return Wish(token_type, is_admin=scope == _ADMIN)
    prefix = _SCOPES[token_type]
    target = scope.removeprefix(prefix)
    if target == scope or not target or len(target) > TEXT_LIMIT:
        msg = f"the scope of a {token_type} token is `{prefix}` and a name"
        raise TokenRefused(Problem.SCOPE, msg)
    return Wish(token_type, target)


def _seconds(fields: dict[str, str]) -> int:
    text = fields.get("expiration", "")
    if not text:
        return DEFAULT_SECONDS
    if not _SECONDS.fullmatch(text):
        msg = "expiration must be a number of seconds"
        raise TokenRefused(Problem.REQUEST, msg)
    # Clients send 0 for what nobody set.
    return int(text) or DEFAULT_SECONDS
