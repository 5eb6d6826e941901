"""The token endpoint's shapes (RFC 6749, RFC 8693)."""

import msgspec


class TokenError(msgspec.Struct):
    """RFC 6749, 5.2, with the members of the wire's own error beside: clients print the body as it is."""

    error: str
    error_description: str
    code: int
    message: str
