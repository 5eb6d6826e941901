"""`fn::open::oidc` and `fn::open::debug-oidc-claims`: an identity token for any audience, and what would be in one."""

from collections.abc import Mapping
from typing import Any

from common.audit import steps as audit
from common.audit.steps import Event
from common.core.durations import find_seconds
from common.environments.language.environment import EscValue
from common.environments.language.interfaces import Context, WorldError
from common.environments.language.schemas.schema import STRING, AnySchema, Schema
from common.environments.language.syntax.number import Number
from common.environments.providers import identity
from common.environments.providers.base import Access
from common.environments.providers.schemas import DURATION, SUBJECT_ATTRIBUTES, members, options
from common.environments.providers.values import plain, secret
from common.oidc_issuer import tokens
from common.oidc_issuer.model import Issuer

_AUDIENCE_LIMIT = 512
_AUDIENCE = Schema("string", min_length=Number("1"), max_length=Number(str(_AUDIENCE_LIMIT)))
_VERSION = members({"version": Schema("string", enum=("v2",))})
INPUTS = members({"audience": _AUDIENCE, "identityToken": _VERSION}, {"duration": DURATION})
DEBUG_INPUTS = options(
    {
        "audience": _AUDIENCE,
        "identityToken": _VERSION,
        "duration": DURATION,
        "audiencePrefix": STRING,
        "subjectAttributes": SUBJECT_ATTRIBUTES,
    }
)
CLAIMS = Schema("object", additional_properties=STRING)
_SHORTEST_SECONDS, _LONGEST_SECONDS = 60, 3600
_OIDC, _DEBUG = "fn::open::oidc", "fn::open::debug-oidc-claims"


class Oidc:
    """Returns a signed token."""

    def __init__(self, access: Access) -> None:
        """Sign for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return INPUTS, STRING

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the token; raises WorldError."""
        settings = plain(inputs)
        seconds = _require(settings, _OIDC)
        claims = identity.audience_claims(self._access, context, settings["audience"], _OIDC)
        token = self._access.sign(Issuer.AUDIENCE, claims, seconds)
        self._record(claims, context, seconds)
        return secret(token)

    def _record(self, claims: Mapping[str, str], context: Context, seconds: int) -> None:
        access = self._access
        description = (
            f"Signed an identity token of environment {context.current_environment} for audience {claims['aud']!a}, with subject"
            f" {claims['sub']}, valid for {seconds} seconds"
        )
        org_id = access.membership.org_id
        audit.record_alone(access.backend, access.caller, org_id, Event.ENVIRONMENT_IDENTITY_SIGNED, description=description)


class DebugOidcClaims:
    """Returns the claims of a token, and signs nothing."""

    def __init__(self, access: Access) -> None:
        """Show for one caller."""
        self._access = access

    def schema(self) -> tuple[AnySchema, AnySchema]:
        """Return the schemas of inputs and outputs."""
        return DEBUG_INPUTS, CLAIMS

    def open(self, inputs: dict[str, EscValue], context: Context) -> EscValue:
        """Return the claims, without the times and the id, which a token gets when it is signed; raises WorldError."""
        settings, access = plain(inputs), self._access
        if "identityToken" in settings:
            _require(settings, _DEBUG)
            claims = identity.audience_claims(access, context, settings["audience"], _DEBUG)
            issuer = Issuer.AUDIENCE
        else:
            if "audiencePrefix" not in settings:
                raise WorldError(f"{_DEBUG} needs either identityToken or audiencePrefix")
            for name in ("audience", "duration"):
                if name in settings:
                    raise WorldError(f"{_DEBUG} does not accept {name} without identityToken")
            audience = f"{settings['audiencePrefix']}:{access.membership.login}"
            claims = identity.login_claims(access, context, audience, settings.get("subjectAttributes") or ())
            issuer = Issuer.LOGIN
        claims["iss"] = tokens.issuer_of(access.backend, issuer)
        return EscValue({name: EscValue(value) for name, value in claims.items()})


def _require(settings: Mapping[str, Any], provider: str) -> int:
    """Return how long a token lasts; raises WorldError for inputs that are not those of a token for an audience."""
    for name in settings:
        if name == "subjectAttributes":
            raise WorldError(f"{provider} does not accept subjectAttributes")
        if name not in ("audience", "identityToken", "duration"):
            raise WorldError(f"{provider} does not accept an input named {name[:100]!a}")
    audience = settings.get("audience") or ""
    if not audience.strip() or len(audience.encode()) > _AUDIENCE_LIMIT:
        raise WorldError(f"audience must have 1 to {_AUDIENCE_LIMIT} bytes and must not be blank")
    seconds = find_seconds(settings.get("duration") or "1h")
    if seconds is None or not _SHORTEST_SECONDS <= seconds <= _LONGEST_SECONDS:
        raise WorldError("duration must be between 1m0s and 1h0m0s")
    return seconds
