"""The organization's directory, which has a token of its own, and that token."""

from common.rights.permissions import Permission
from tests.authorization.needs import DIRECTORY, Row, org
from tests.authorization.requests import O, row

P = Permission
SCIM = "/scim/v2/{org}"
PATCHED = {"Operations": [{"op": "replace", "value": {"externalId": "x"}}]}
NAMED_USER, NAMED_GROUP = {"userName": "fresh@example.com"}, {"displayName": "Fresh"}

ROWS: tuple[Row, ...] = (
    row("GET", f"{O}/scim/token", org(P.SCIM_READ)),
    row("POST", f"{O}/scim/token", org(P.SCIM_UPDATE)),
    row("DELETE", f"{O}/scim/token", org(P.SCIM_DELETE)),
    *(
        row("GET", f"{SCIM}/{what}", DIRECTORY)
        for what in ("ServiceProviderConfig", "ResourceTypes", "Schemas", "Users", "Groups")
    ),
    row("GET", f"{SCIM}/ResourceTypes/{{name}}", DIRECTORY, at={"name": "User"}),
    row("GET", f"{SCIM}/Schemas/{{name}}", DIRECTORY, at={"name": "urn:ietf:params:scim:schemas:core:2.0:User"}),
    row("POST", f"{SCIM}/Users", DIRECTORY, body=NAMED_USER),
    row("GET", f"{SCIM}/Users/{{user_id}}", DIRECTORY),
    row("DELETE", f"{SCIM}/Users/{{user_id}}", DIRECTORY),
    row("PUT", f"{SCIM}/Users/{{user_id}}", DIRECTORY, body=NAMED_USER),
    row("PATCH", f"{SCIM}/Users/{{user_id}}", DIRECTORY, body=PATCHED),
    row("POST", f"{SCIM}/Groups", DIRECTORY, body={**NAMED_GROUP, "members": [{"value": "<scim user>"}]}),
    row("GET", f"{SCIM}/Groups/{{group_id}}", DIRECTORY),
    row("DELETE", f"{SCIM}/Groups/{{group_id}}", DIRECTORY),
    row("PUT", f"{SCIM}/Groups/{{group_id}}", DIRECTORY, body=NAMED_GROUP),
    row("PATCH", f"{SCIM}/Groups/{{group_id}}", DIRECTORY, body=PATCHED),
)
