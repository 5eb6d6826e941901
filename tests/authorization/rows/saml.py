"""The organization's SAML provider. Who names it can sign in as any member, so that is for admins alone."""

from common.rights.permissions import Permission
from tests.authorization.needs import ADMIN, Row, org
from tests.authorization.requests import O, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/saml", org(P.SAML_READ)),
    row("PATCH", f"{O}/saml", org(P.SAML_UPDATE), body={"sessionHours": 8}),
    row("PATCH", f"{O}/saml", org(P.SAML_UPDATE), ADMIN, body={"newIdpSsoDescriptor": "no XML"}, case="another provider"),
    row("GET", f"{O}/saml/admins", org(P.SAML_READ)),
    row("POST", f"{O}/saml/admins/{{login}}", org(P.SAML_UPDATE), ok=400, case="somebody who may not be"),
)
