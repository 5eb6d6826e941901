"""How a row of the table is written, and the addresses and bodies that rows of several groups have."""

from typing import Any

from common.rights.permissions import ROLES, Permission, Role
from tests.authorization.needs import AT, Check, Row, org

P = Permission
S = "/api/stacks/{org}/{project}/{stack}"
O = "/api/orgs/{org}"  # noqa: E741 - as upstream's documents abbreviate it
T = f"{O}/teams/{{team}}"
OLD = {"update_id": "<new preview>"}
STATE: Any = {"version": 3, "deployment": {"manifest": {}, "resources": []}}
LIBRARIAN = "<role librarian>"
TOKEN = {"name": "fresh", "description": "", "expires": 0}
# A plain token holds what members do. The rows are called where the organization gives its members no stack.
AS_MEMBER = tuple(map(org, sorted(ROLES[Role.MEMBER] | {P.STACK_CREATE, P.TEAM_CREATE})))


def row(method: str, path: str, *needs: Check, **rest: Any) -> Row:
    """Return a row with the parts of the address filled in."""
    return Row(method, path, needs, **{**rest, "at": {**AT, **rest.get("at", {})}})
