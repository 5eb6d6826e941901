"""Environments of an organization, so that every page about them has something to show."""

from __future__ import annotations

from typing import Any

from httpx2 import Client

ENVIRONMENTS = "/api/esc/environments/acme"
BASE = """\
# What every service of payments needs.
values:
  region: eu-central-1
  pulumiConfig:
    aws:region: ${region}
"""
PROD = """\
imports:
  - payments/base
values:
  # Rotated every month.
  database:
    host: payments.db.example.com
    port: 5432
    password:
      fn::secret: correct horse battery staple
  aws:
    fn::open::aws-login:
      oidc:
        roleArn: arn:aws:iam::123456789012:role/payments
        sessionName: payments-${context.pulumi.user.login}
  session:
    fn::rotate::password:
      inputs:
        length: 24
  environmentVariables:
    DATABASE_URL: postgres://payments@${database.host}:${database.port}/payments
    DATABASE_PASSWORD: ${database.password}
  files:
    SETTINGS: |
      [database]
      host = ${database.host}
  pulumiConfig:
    payments:replicas: 3
    payments:password: ${database.password}
"""


def fill_environments(client: Client) -> dict[str, str]:
    """Make environments with revisions, tags, imports, a deleted one, one that is empty, and change requests; the latter's ids."""
    for name in ("base", "prod", "staging", "empty", "old"):
        _call(client, "POST", ENVIRONMENTS, {"project": "payments", "name": name})
    _save(client, "base", BASE)
    _save(client, "prod", PROD.replace("port: 5432", "port: 5431"))
    _save(client, "prod", PROD)
    _save(client, "staging", "imports: [payments/prod@stable]\n", tags={"stable": 2}, tagged="prod")
    prod = f"{ENVIRONMENTS}/payments/prod"
    for name, value in (("team", "payments"), ("tier", "production")):
        _call(client, "POST", f"{prod}/tags", {"name": name, "value": value})
    _call(client, "POST", f"{prod}/rotate", {})
    _call(client, "POST", f"{prod}/versions/2/retract", {"reason": "The port was wrong.", "replacement": 3})
    _call(client, "PATCH", f"{prod}/settings", {"deletionProtected": True})
    grant = {"projectName": "payments", "envName": "prod", "permission": "open", "maxOpenDuration": "1h"}
    _call(client, "PATCH", "/api/orgs/acme/teams/payments", {"addEnvironmentPermission": grant})
    _call(client, "DELETE", f"{ENVIRONMENTS}/payments/old")
    return _propose(client, prod)


def _propose(client: Client, prod: str) -> dict[str, str]:
    """Make a gate, a draft of what is saved that needs another approval, and a request to open; their ids."""
    approvers = [
        {"eligibilityType": "has_permission_on_target", "permission": "environment:write"},
        {"eligibilityType": "team_member", "teamName": "payments"},
    ]
    rule = {"ruleType": "approval_required", "numApprovalsRequired": 2, "allowSelfApproval": True, "eligibleApprovers": approvers}
    target = {"entityType": "environment", "actionTypes": ["update", "open"], "qualifiedName": "payments/prod"}
    gate = client.post(
        "/api/change-gates/acme",
        json={"name": "Four eyes", "enabled": True, "rule": {**rule, "requireReapprovalOnChange": True}, "target": target},
    )
    assert gate.is_success, gate.text
    text = client.get(prod).text.replace("payments:replicas: 3", "payments:replicas: 5")
    draft = client.post(f"{prod}/drafts", content=text, headers={"Content-Type": "application/x-yaml"})
    assert draft.is_success, draft.text
    opening = client.post(f"{prod}/open/request", json={"grantExpirationSeconds": 90_000, "accessDurationSeconds": 259_200})
    assert opening.is_success, opening.text
    ids = {
        "gate": gate.json()["id"],
        "change_request": draft.json()["changeRequestId"],
        "open_request": opening.json()["changeRequests"][0]["changeRequestId"],
    }
    requests = "/api/change-requests/acme"
    description = "Five replicas of payments\n\nThree are busy at noon, says the dashboard."
    _call(client, "POST", f"{requests}/{ids['change_request']}/submit", {"description": description})
    _call(client, "POST", f"{requests}/{ids['change_request']}/approve", {"revisionNumber": 0, "comment": "The quota allows it."})
    _call(client, "POST", f"{requests}/{ids['change_request']}/comments", {"comment": "Apply it before the weekend, please."})
    _call(client, "POST", f"{requests}/{ids['open_request']}/submit", {"description": "Incident 12"})
    return ids


def _save(client: Client, name: str, text: str, *, tags: dict[str, int] | None = None, tagged: str = "") -> None:
    for tag, number in (tags or {}).items():
        _call(client, "POST", f"{ENVIRONMENTS}/payments/{tagged}/versions/tags", {"name": tag, "revision": number})
    reply = client.patch(f"{ENVIRONMENTS}/payments/{name}", content=text, headers={"Content-Type": "application/x-yaml"})
    assert 200 == reply.status_code, reply.text


def _call(client: Client, method: str, path: str, body: Any = None) -> None:
    reply = client.request(method, path, json=body)
    assert reply.is_success, reply.text
