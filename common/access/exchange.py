"""The token endpoint: no identity provider is trusted yet, so every grant is refused in the form that RFC 6749 asks for."""

from urllib.parse import parse_qs

from common.wire.oauth import TokenError

_FIELDS_LIMIT = 50
_STATUS = 400
_ADVICE = "sign in with an access token instead: set PULUMI_ACCESS_TOKEN and run `pulumi login`"
_MEANINGS = {
    "urn:ietf:params:oauth:grant-type:token-exchange": "this server does not exchange identity tokens yet",
    "refresh_token": "this server issues no refresh tokens",
}


def refusal(form: bytes) -> TokenError:
    """Return why the form's grant is refused; the grant itself is not repeated, since it may be a secret."""
    # No permission check: whoever asks for a token has none.
    try:
        fields = parse_qs(form.decode("ascii"), max_num_fields=_FIELDS_LIMIT)
    except ValueError:
        return _error("invalid_request", "the body must be a form, application/x-www-form-urlencoded")
    grants = fields.get("grant_type", [])
    if len(grants) != 1:
        return _error("invalid_request", "grant_type must be given once")
    meaning = _MEANINGS.get(grants[0], "this server does not know this grant type")
    return _error("unsupported_grant_type", f"{meaning}; {_ADVICE}")


def _error(kind: str, description: str) -> TokenError:
    return TokenError(error=kind, error_description=description, code=_STATUS, message=f"Bad Request: {description}")
