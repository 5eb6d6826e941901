"""Templates and packages: the stores are empty, so there is nothing to find by name."""

from common.rights.permissions import Permission
from tests.authorization.needs import SIGNED_IN, Row, org
from tests.authorization.requests import O, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("GET", "/api/registry/templates", SIGNED_IN),
    row("GET", "/api/registry/packages", SIGNED_IN),
    row("GET", "/api/registry/templates/{source}/{publisher}/{name}/versions/{version}", SIGNED_IN, ok=404),
    row("GET", "/api/registry/packages/{source}/{publisher}/{name}/versions/{version}", SIGNED_IN, ok=404),
    row("GET", f"{O}/templates", org(P.TEMPLATES_READ)),
    row("GET", f"{O}/templates/sources", org(P.TEMPLATES_READ)),
    row("GET", f"{O}/template/download", org(P.TEMPLATES_READ), ok=404),
)
