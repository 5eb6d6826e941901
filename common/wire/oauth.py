"""The token endpoint's shapes (RFC 6749, RFC 8693)."""

import msgspec


class TokenError(msgspec.Struct):
    """RFC 6749, 5.2, with the members of the wire's own error beside: clients print the body as it is."""

    error: str
    error_description: str
    code: int
    message: str


class TokenExchangeGrantResponse(msgspec.Struct):
    """Upstream: TokenExchangeGrantResponse (RFC 8693, 2.2.1); `expires_in` in seconds."""

    access_token: str
    issued_token_type: str
    token_type: str
    expires_in: int
    scope: str
    refresh_token: str

    def __repr__(self) -> str:
        """Leave the texts of the tokens out."""
        return f"TokenExchangeGrantResponse(scope={self.scope!r})"
