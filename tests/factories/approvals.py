"""Makes change gates and change requests for tests, over HTTP as clients do."""

from typing import Any

from starlette.testclient import TestClient

from tests.factories.environments import ENVIRONMENTS
from tests.factories.people import ORG

GATES, REQUESTS = f"/api/change-gates/{ORG}", f"/api/change-requests/{ORG}"
E = f"{ENVIRONMENTS}/app/dev"


def user(login: str) -> dict[str, str]:
    """Return an approver by login."""
    return {"eligibilityType": "specific_user", "userLogin": login}


def team(name: str) -> dict[str, str]:
    """Return the members of a team as approvers."""
    return {"eligibilityType": "team_member", "teamName": name}


def holders(permission: str) -> dict[str, str]:
    """Return who has a permission on the target as approvers."""
    return {"eligibilityType": "has_permission_on_target", "permission": permission}


def gate(*approvers: dict[str, str], action: str = "update", target: str | None = "app/dev", **rule: Any) -> dict[str, Any]:
    """Return a gate for an environment; `rule` has members that differ from one approval by someone else."""
    named = {"qualifiedName": target} if target is not None else {}
    return {
        "name": "two eyes",
        "enabled": True,
        "rule": {
            "ruleType": "approval_required",
            "numApprovalsRequired": 1,
            "allowSelfApproval": False,
            "requireReapprovalOnChange": True,
            "eligibleApprovers": list(approvers),
            **rule,
        },
        "target": {"entityType": "environment", "actionTypes": [action], **named},
    }


def make_gate(client: TestClient, *approvers: dict[str, str], **rule: Any) -> str:
    """Create a gate and return its id."""
    reply = client.post(GATES, json=gate(*approvers, **rule))
    assert 201 == reply.status_code, reply.text
    return str(reply.json()["id"])


def make_draft(client: TestClient, text: str, *, submits: bool = True, at: str = E) -> str:
    """Create a draft of an environment and submit it, and return the id of the change request."""
    reply = client.post(f"{at}/drafts", content=text)
    assert 200 == reply.status_code, reply.text
    request_id = str(reply.json()["changeRequestId"])
    if submits:
        assert 204 == client.post(f"{REQUESTS}/{request_id}/submit", json={}).status_code
    return request_id


def approve(client: TestClient, request_id: str, revision: int = 0, **body: Any) -> Any:
    """Return the reply to an approval."""
    return client.post(f"{REQUESTS}/{request_id}/approve", json={"revisionNumber": revision, **body})


def apply(client: TestClient, request_id: str) -> Any:
    """Return the reply to an apply."""
    return client.post(f"{REQUESTS}/{request_id}/apply")


def get(client: TestClient, request_id: str) -> dict[str, Any]:
    """Return a change request."""
    reply = client.get(f"{REQUESTS}/{request_id}")
    assert 200 == reply.status_code, reply.text
    return dict(reply.json())


def message(reply: Any) -> tuple[int, str]:
    """Return status and message of a refusal."""
    return reply.status_code, reply.json()["message"]
