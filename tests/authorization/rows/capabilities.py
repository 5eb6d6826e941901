"""What clients ask before they sign in."""

from tests.authorization.needs import Row
from tests.authorization.requests import row

ROWS: tuple[Row, ...] = (
    row("GET", "/healthz"),
    row("HEAD", "/healthz"),
    row("GET", "/api/status"),
    row("HEAD", "/api/status"),
    row("GET", "/api/capabilities"),
    row("GET", "/api/cli/version"),
    row("GET", "/api/openapi/pulumi-spec.json"),
    row("GET", "/oidc/.well-known/openid-configuration"),
    row("GET", "/oidc/.well-known/jwks"),
    row("GET", "/oidc/v2/.well-known/openid-configuration"),
    row("GET", "/oidc/v2/.well-known/jwks"),
    row("POST", "/api/oauth/token", ok=400, case="without a grant"),
)
