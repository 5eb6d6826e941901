"""Environments that are opened from a document in the request."""

from common.rights.permissions import Permission
from tests.authorization.needs import OWN, Row, org
from tests.authorization.requests import row

P = Permission
ESC = "/api/esc/environments/{org}/yaml"

ROWS: tuple[Row, ...] = (
    row("POST", f"{ESC}/check", org(P.ENVIRONMENT_YAML_OPEN)),
    row("POST", f"{ESC}/open", org(P.ENVIRONMENT_YAML_OPEN)),
    row("GET", f"{ESC}/open/{{session_id}}", org(P.ENVIRONMENT_YAML_OPEN), OWN),
)
