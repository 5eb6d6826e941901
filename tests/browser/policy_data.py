"""Policies of an organization, with issues that an update made, so that every page about them has something to show."""

from __future__ import annotations

import time

from httpx2 import Client, Response

from tests.factories.policies import GROUPS, PACKS, make_group, publish, tag_rule
from tests.wire import begin

RESULTS = "/api/orgs/acme/policyresults"
EXCEPTIONS = "/api/orgs/acme/policy/exceptions"
WAIT_SECONDS = 60


def fill_policies(client: Client, stack: str) -> str:
    """Publish packs, enable one in a group of a stack, let an update report violations, and return the id of an issue."""
    publish(client)
    publish(client, tag="1.1.0")
    publish(client, "costs", "0.3.0", displayName="Cost limits")
    make_group(client, "prod", stackMatchRule=tag_rule("env", "prod"))
    make_group(client, "reports", mode="audit")
    _require(
        client.patch(
            f"{GROUPS}/prod", json={"addPolicyPack": {"name": "guard", "config": {"tags": {"enforcementLevel": "advisory"}}}}
        )
    )
    _require(client.patch(f"{GROUPS}/prod", json={"addStack": {"name": "prod", "routingProject": "orders"}}))
    _require(client.patch(f"{GROUPS}/reports", json={"addPolicyPack": {"name": "costs"}}))
    assert client.get(PACKS).json()["policyPacks"]
    update = begin(client, stack)
    buckets = [f"urn:pulumi:prod::orders::aws:s3/bucket:Bucket::{name}" for name in ("invoices", "receipts", "exports")]
    update.events(
        *(
            {"sequence": number, "timestamp": 1, "policyEvent": _violation(urn, severity)}
            for number, (urn, severity) in enumerate(zip(buckets, ("critical", "high", "low"), strict=True), 1)
        ),
        *(
            {
                "sequence": number,
                "timestamp": 1,
                "policyAnalyzeSummaryEvent": {
                    "resourceUrn": urn,
                    "policyPackName": "guard",
                    "policyPackVersionTag": "1.1.0",
                    "passed": ["tags"],
                    "failed": ["no-public-buckets"],
                },
            }
            for number, urn in enumerate(buckets, 11)
        ),
    )
    update.complete()
    match = [{"policies": ["no-public-buckets"], "targets": buckets[2:]}]
    body = {"policyPack": "guard", "match": match, "reason": "The exports are public data.", "expiresInSeconds": 30 * 86_400}
    _require(client.post(EXCEPTIONS, json=body))
    return await_issue(client, "guard")


def _violation(urn: str, severity: str) -> dict[str, object]:
    return {
        "resourceUrn": urn,
        "message": "The bucket can be read by everyone.\nSet its access control to private.",
        "color": "raw",
        "policyName": "no-public-buckets",
        "policyPackName": "guard",
        "policyPackVersion": "2",
        "policyPackVersionTag": "1.1.0",
        "enforcementLevel": "mandatory",
        "severity": severity,
    }


def await_issue(client: Client, pack: str) -> str:
    """Wait until a pack has an issue, and return its id."""
    model = {"type": "AND", "conditions": [{"colId": "policyPack", "filterType": "text", "type": "equals", "filter": pack}]}
    columns: dict[str, list[str]] = {"rowGroupCols": [], "valueCols": [], "groupKeys": [], "sortModel": []}
    grid = {"startRow": 0, "endRow": 9, "filterModel": model, **columns}
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        issues = client.post(f"{RESULTS}/issues", json=grid).json()["policyIssues"]
        if issues:
            return str(issues[0]["id"])
        time.sleep(0.2)
    raise AssertionError(f"no issue after {WAIT_SECONDS} seconds")


def _require(reply: Response) -> None:
    assert reply.status_code < 300, reply.text
