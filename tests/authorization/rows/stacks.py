"""Stacks, with their tags and configuration."""

from common.rights.permissions import Permission
from tests.authorization.needs import LISTED, TEAM, Row, environment, org, stack
from tests.authorization.requests import S, row

P = Permission

ROWS: tuple[Row, ...] = (
    row("HEAD", "/api/stacks/{org}/{project}", LISTED),
    row("POST", "/api/stacks/{org}/{project}", org(P.STACK_CREATE), body={"stackName": "new"}),
    row(
        "POST",
        "/api/stacks/{org}/{project}",
        org(P.STACK_CREATE),
        TEAM,
        body={"stackName": "new", "teams": ["ops"]},
        case="for a team",
    ),
    row("GET", S, stack(P.STACK_READ)),
    row("DELETE", S, stack(P.STACK_DELETE), query={"force": "true"}),
    row("GET", f"{S}/metadata", stack(P.STACK_READ)),
    row("PATCH", f"{S}/tags", stack(P.STACK_TAGS_UPDATE), body={"env": "y"}),
    row("POST", f"{S}/tags", stack(P.STACK_TAGS_UPDATE), body={"name": "more", "value": "y"}),
    row("PATCH", f"{S}/tags/{{name}}", stack(P.STACK_TAGS_UPDATE), body={"name": "env", "value": "y"}),
    row("DELETE", f"{S}/tags/{{name}}", stack(P.STACK_TAGS_UPDATE)),
    row("GET", f"{S}/config", stack(P.STACK_READ)),
    row(
        "PUT",
        f"{S}/config",
        stack(P.STACK_WRITE),
        environment(P.ENVIRONMENT_READ),
        body={"environment": "shop/dev"},
    ),
    row("DELETE", f"{S}/config", stack(P.STACK_WRITE)),
    row("GET", f"{S}/annotations/{{annotation}}", stack(P.STACK_ANNOTATIONS_READ)),
    row("PATCH", f"{S}/annotations/{{annotation}}", stack(P.STACK_ANNOTATIONS_UPDATE), body={"text": "x"}),
    row(
        "PATCH",
        f"{S}/notifications/settings",
        stack(P.STACK_WRITE),
        body={"notifyUpdateFailure": True, "notifyUpdateSuccess": False},
    ),
    row("POST", f"{S}/workflow", stack(P.STACK_READ), body={"ciSystem": "github"}),
    row("POST", f"{S}/rename", stack(P.STACK_RENAME), body={"newName": "other", "newProject": ""}),
    row("GET", f"{S}/policypacks", stack(P.STACK_READ)),
    row("GET", f"{S}/policygroups", stack(P.STACK_READ)),
)
