"""Issues that updates make, and what can be done with them."""

from typing import Any

import pytest
from httpx2 import Client, Response
from starlette.testclient import TestClient

from common.backend import Backend
from common.policies.issues.grid import Sorting
from common.policies.issues.service import IssueQuery, export_issues
from common.rights.caller import Caller
from common.rights.permissions import Permission
from functions.jobs import deliver_messages
from tests.clocks import FrozenClock
from tests.factories.people import make_user
from tests.factories.policies import enable, publish
from tests.factories.roles import hold, make_role
from tests.factories.webhooks import calling, deliver_all, make_webhook
from tests.peers.webhook_receiver import WebhookReceiver
from tests.wire import begin, create_stack

RESULTS = "/api/orgs/acme/policyresults"
NOTHING = {"startRow": 0, "endRow": 100, "rowGroupCols": [], "valueCols": [], "groupKeys": [], "sortModel": []}
BUCKET = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::data"
QUEUE = "urn:pulumi:dev::shop::aws:sqs/queue:Queue::jobs"


@pytest.fixture(autouse=True)
def stack(client: TestClient) -> str:
    """The stack acme/shop/dev, and a pack that is enabled."""
    publish(client)
    enable(client)
    return create_stack(client)


def violation(urn: str = BUCKET, policy: str = "no-public-buckets", **members: Any) -> dict[str, Any]:
    """Return the event of a violation."""
    event = {
        "resourceUrn": urn,
        "message": "The bucket is public.\n",
        "color": "raw",
        "policyName": policy,
        "policyPackName": "guard",
        "policyPackVersion": "1.0.0",
        "policyPackVersionTag": "1.0.0",
        "enforcementLevel": "mandatory",
        "severity": "high",
        **members,
    }
    return {"sequence": 0, "timestamp": 1, "policyEvent": event}


def summary(urn: str = BUCKET, *, passed: tuple[str, ...] = (), failed: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the event with the results of all policies on a resource."""
    names = {"resourceUrn": urn, "policyPackName": "guard", "policyPackVersion": "1", "policyPackVersionTag": "1.0.0"}
    return {
        "sequence": 0,
        "timestamp": 1,
        "policyAnalyzeSummaryEvent": {**names, "passed": list(passed), "failed": list(failed)},
    }


def update(
    client: Client, backend: Backend, stack: str, *events: dict[str, Any], how: str = "succeeded", kind: str = "update"
) -> None:
    """Run an update with events, and deliver what it queued."""
    running = begin(client, stack, kind)
    running.events(*({**event, "sequence": number} for number, event in enumerate(events, 1)))
    assert running.complete(how).is_success
    deliver_messages(backend)


def listed(client: Client, *, closed: bool = False, **members: Any) -> list[dict[str, Any]]:
    """Return issues."""
    reply = client.post(f"{RESULTS}/issues{'?closed=true' if closed else ''}", json={**NOTHING, **members})
    assert 200 == reply.status_code, reply.text
    issues: list[dict[str, Any]] = reply.json()["policyIssues"]
    return issues


def patch(client: Client, **members: Any) -> Response:
    """Change the only active issue."""
    (issue,) = listed(client)
    return client.patch(f"{RESULTS}/issues/{issue['id']}", json=members)


def equals(column: str, value: str) -> dict[str, Any]:
    """Return a comparison as the command line sends it."""
    return {"colId": column, "filterType": "text", "type": "equals", "filter": value}


def nested(levels: int) -> dict[str, Any]:
    """Return a comparison with groups of conditions around it."""
    condition = equals("policyName", "no-public-buckets")
    for _ in range(levels):
        condition = {"filterType": "join", "type": "OR", "conditions": [condition]}
    return condition


class TestIssues:
    def test_come_from_updates(self, client: TestClient, backend: Backend, stack: str) -> None:
        """A violation that an update reports is an issue, with the resource, the policy and the group."""
        update(client, backend, stack, violation(), summary(failed=("no-public-buckets",), passed=("tags",)))
        (issue,) = listed(client)

        assert {
            "entityType": "stack",
            "entityProject": "shop",
            "entityId": "dev",
            "stackVersion": 1,
            "policyPack": "guard",
            "policyPackTag": "1.0.0",
            "policyName": "no-public-buckets",
            "resourceURN": BUCKET,
            "resourceType": "aws:s3/bucket:Bucket",
            "resourceName": "data",
            "message": "The bucket is public.",
            "level": "mandatory",
            "severity": "high",
            "status": "open",
            "kind": "preventative",
            "priority": "p1",
            "policyGroupName": "default-policy-group",
        }.items() <= issue.items()

    def test_that_open_are_sent_to_webhooks(self, client: TestClient, backend: Backend, admin: Caller, stack: str) -> None:
        """A violation that opens an issue, or opens it again, is one event; a known one is not sent again."""
        server, clean = calling(backend), summary(passed=("no-public-buckets",))
        with WebhookReceiver() as receiver:
            make_webhook(server, admin, receiver.url, filters=("policy_violation_mandatory",))
            for events in (
                [violation()],
                [violation()],
                [clean],
                [violation(), violation(QUEUE, "tags", enforcementLevel="warning")],
            ):
                update(client, server, stack, *events)
            deliver_all(server)
            first, again = receiver.take()

        people = {"user", "organization"}
        assert ["policy_violation"] * 2 == [first.kind, again.kind]
        assert {
            "projectName": "shop",
            "stackName": "dev",
            "policyPack": "guard",
            "policyPackVersion": "1.0.0",
            "policyName": "no-public-buckets",
            "enforcementLevel": "mandatory",
            "message": "The bucket is public.",
            "resourceUrn": BUCKET,
        } == {name: value for name, value in first.json.items() if name not in {"updateUrl", *people}}
        assert people < first.json.keys()
        assert ["/acme/shop/dev/updates/1", "/acme/shop/dev/updates/4"] == [
            "/" + one.json["updateUrl"].split("/", 3)[3] for one in (first, again)
        ]

    def test_do_not_come_from_previews(self, client: TestClient, backend: Backend, stack: str) -> None:
        """A preview shows what would be, and changes nothing."""
        running = begin(client, stack, "preview", dry_run=True)
        running.events(violation())
        running.complete()
        deliver_messages(backend)

        assert [] == listed(client)

    def test_are_one_for_each_resource_and_policy(self, client: TestClient, backend: Backend, stack: str) -> None:
        """A violation that is seen again is the same issue; another resource or policy is another one."""
        for _ in range(2):
            update(client, backend, stack, violation(), violation(QUEUE), violation(policy="tags"), summary())

        assert [(2, "data"), (2, "data"), (2, "jobs")] == sorted(
            (row["stackVersion"], row["resourceName"]) for row in listed(client)
        )

    def test_are_fixed_and_reopened(self, client: TestClient, backend: Backend, stack: str) -> None:
        """A policy that passes fixes its issue, and a recurrence opens the same one again."""
        update(client, backend, stack, violation(), summary(failed=("no-public-buckets",)))
        (first,) = listed(client)
        update(client, backend, stack, summary(passed=("no-public-buckets",)))

        assert [] == listed(client)
        assert [(first["id"], "fixed", 2)] == [
            (row["id"], row["status"], row["stackVersion"]) for row in listed(client, closed=True)
        ]
        update(client, backend, stack, violation(), summary(failed=("no-public-buckets",)))
        assert [(first["id"], "open")] == [(row["id"], row["status"]) for row in listed(client)]

    def test_stay_after_an_update_that_did_not_look(self, client: TestClient, backend: Backend, stack: str) -> None:
        """An update that failed has not looked at everything, so it fixes what passed alone."""
        update(client, backend, stack, violation(), violation(QUEUE), summary(), summary(QUEUE))
        update(client, backend, stack, summary(passed=("no-public-buckets",)), how="failed")

        assert ["jobs"] == [row["resourceName"] for row in listed(client)]
        update(client, backend, stack, summary(passed=("no-public-buckets",)))
        assert [] == listed(client)

    def test_end_with_the_resources(self, client: TestClient, backend: Backend, stack: str) -> None:
        """A destroy fixes everything, since nothing is left."""
        update(client, backend, stack, violation(), summary())
        update(client, backend, stack, kind="destroy")

        assert [] == listed(client)
        assert [] == client.post(f"{RESULTS}/compliance", json={"entity": "stack", "size": 10}).json()["rows"]

    def test_have_messages_without_colours(self, client: TestClient, backend: Backend, stack: str) -> None:
        """The marks that clients put around coloured texts are left out, and what only looks like one is kept."""
        update(client, backend, stack, violation(message="<{%fg 1%}>It is <public>.<{%reset%}>\n<{%"), summary())

        assert ["It is <public>.\n<{%"] == [row["message"] for row in listed(client)]

    def test_do_not_come_from_excepted_violations(self, client: TestClient, backend: Backend, stack: str) -> None:
        """A violation with an exception is not open, and counts as met."""
        excepted = violation(exceptions=[{"id": "EXC-1", "reason": "legacy"}])
        update(client, backend, stack, excepted, summary(failed=("no-public-buckets",)))

        assert [] == listed(client)
        assert [{"entityName": "shop/dev", "scores": [100]}] == compliance(client, "stack")

    def test_are_made_once(self, client: TestClient, backend: Backend, stack: str) -> None:
        """The end of an update is delivered at least once: a repeat changes nothing."""
        update(client, backend, stack, violation(), summary())
        before = listed(client)
        deliver_messages(backend)

        assert before == listed(client)


def compliance(client: Client, entity: str) -> list[dict[str, Any]]:
    """Return the rows of compliance."""
    rows: list[dict[str, Any]] = client.post(f"{RESULTS}/compliance", json={"entity": entity, "size": 100}).json()["rows"]
    return rows


class TestList:
    @pytest.fixture(autouse=True)
    def issues(self, client: TestClient, backend: Backend, stack: str) -> None:
        """Three issues."""
        update(
            client,
            backend,
            stack,
            violation(),
            violation(QUEUE, severity="low"),
            violation(policy="tags", severity="critical", enforcementLevel="warning"),
            summary(failed=("no-public-buckets", "tags")),
            summary(QUEUE, failed=("no-public-buckets",), passed=("tags",)),
        )

    def test_is_filtered(self, client: TestClient) -> None:
        """Conditions combine as the command line combines them."""
        join = {"filterType": "join", "type": "OR", "conditions": [equals("severity", "low"), equals("severity", "critical")]}
        model = {"filterType": "join", "type": "AND", "conditions": [join, equals("policyPack", "guard")]}

        assert {"low", "critical"} == {row["severity"] for row in listed(client, filterModel=model)}
        assert [] == listed(client, filterModel={"type": "AND", "conditions": [equals("entityId", "prod")]})
        assert 1 == len(listed(client, filterModel={"type": "AND", "conditions": [equals("resourceURN", QUEUE)]}))
        assert 3 == len(listed(client, filterModel={"type": "AND", "conditions": []}))
        contains = {"colId": "resourceName", "filterType": "text", "type": "contains", "filter": "ob"}
        assert ["jobs"] == [row["resourceName"] for row in listed(client, filterModel={"type": "AND", "conditions": [contains]})]

    def test_is_sorted_and_paged(self, client: TestClient) -> None:
        """Severities are sorted by their meaning, and a window of rows comes with the count of all."""
        reply = client.post(
            f"{RESULTS}/issues",
            json={**NOTHING, "sortModel": [{"colId": "severity", "sort": "desc"}], "startRow": 1, "endRow": 3},
        ).json()

        assert (["high", "low"], 3) == ([row["severity"] for row in reply["policyIssues"]], reply["rowCount"])

    def test_is_grouped(self, client: TestClient) -> None:
        """A grid that groups by a column gets its values, then the issues of the one that was opened."""
        columns = [{"id": "severity", "displayName": "Severity", "field": "severity"}]
        groups = client.post(f"{RESULTS}/issues", json={**NOTHING, "rowGroupCols": columns}).json()["groupData"]

        assert {("high", 1), ("low", 1), ("critical", 1)} == {(row["severity"], row["count"]) for row in groups}
        assert ["low"] == [row["severity"] for row in listed(client, rowGroupCols=columns, groupKeys=["low"])]

    def test_has_values_to_filter_by(self, client: TestClient) -> None:
        """The values of a column come with how many issues have them."""
        reply = client.post(f"{RESULTS}/issues/filters", json={"field": "policyName", "filterModel": None}).json()

        assert [{"name": "no-public-buckets", "count": 2}, {"name": "tags", "count": 1}] == reply["values"]

    @pytest.mark.parametrize(
        "members",
        [
            {"filterModel": {"type": "AND", "conditions": [equals("password", "x")]}},
            {"filterModel": {"type": "AND", "conditions": [{**equals("severity", "x"), "type": "like"}]}},
            {"sortModel": [{"colId": "password", "sort": "asc"}]},
        ],
    )
    def test_refuses_unknown_columns(self, client: TestClient, members: dict[str, Any]) -> None:
        """A column or comparison that is not known is a bad request."""
        assert 400 == client.post(f"{RESULTS}/issues", json={**NOTHING, **members}).status_code

    @pytest.mark.parametrize(
        "members",
        [
            {"filterModel": {**equals("message", "x" * 1_001), "type": "contains"}},
            {"sortModel": [{"colId": "severity", "sort": "asc"}] * 11},
            *({"filterModel": nested(levels)} for levels in (21, 150)),
        ],
        ids=["long text", "many columns", "21 levels", "150 levels"],
    )
    def test_refuses_what_costs_much(self, client: TestClient, members: dict[str, Any]) -> None:
        """The parts of a query are bounded."""
        assert 400 == client.post(f"{RESULTS}/issues", json={**NOTHING, **members}).status_code

    def test_is_empty_far_behind_its_end(self, client: TestClient) -> None:
        """A window of rows may begin anywhere, and a filter may have twenty levels."""
        assert [] == listed(client, startRow=2**70, endRow=2**71)
        assert 2 == len(listed(client, filterModel=nested(19)))

    def test_is_exported(self, client: TestClient) -> None:
        """An export is CSV."""
        lines = client.post(f"{RESULTS}/issues/export", json=NOTHING).text.splitlines()

        assert 4 == len(lines)
        assert lines[0].startswith("ID,Status,Priority")

    @pytest.mark.parametrize(
        "order",
        [
            (),
            (Sorting("severity", is_descending=True),),
            (Sorting("entityId", is_descending=False), Sorting("resourceName", is_descending=True)),
        ],
        ids=["newest first", "most serious first", "by stack"],
    )
    def test_is_exported_in_parts(self, backend: Backend, admin: Caller, order: tuple[Sorting, ...]) -> None:
        """Parts of an export follow each other in any order, and together have every issue once."""
        query = IssueQuery(order=order)
        whole = "".join(export_issues(backend, admin, "acme", query))

        assert 4 == len(whole.splitlines())
        for page_size in (1, 2, 3):
            assert whole == "".join(export_issues(backend, admin, "acme", query, page_size=page_size))

    def test_is_exported_as_it_was_at_the_beginning(
        self, client: TestClient, backend: Backend, admin: Caller, stack: str, clock: FrozenClock
    ) -> None:
        """An issue that an update finds again while an export is sent is neither lost nor there twice."""
        parts = export_issues(backend, admin, "acme", IssueQuery(), page_size=1)
        begun = [next(parts), next(parts)]
        clock.pass_seconds(60)
        update(client, backend, stack, violation(), violation(QUEUE), violation(policy="tags"))
        lines = "".join([*begun, *parts]).splitlines()

        assert 4 == len(lines) == len(set(lines))

    def test_leaves_out_hidden_stacks(self, client: TestClient, backend: Backend) -> None:
        """Issues of a stack are shown to those who may see it."""
        mine = {"Authorization": f"token {make_user(backend, 'mia', org='acme')}"}
        hold(backend, "mia", make_role(backend, Permission.POLICY_RESULTS_READ))

        assert 0 == client.post(f"{RESULTS}/issues", json=NOTHING, headers=mine).json()["rowCount"]
        (issue, *_) = listed(client)
        assert 404 == client.get(f"{RESULTS}/issues/{issue['id']}", headers=mine).status_code

    def test_counts_policies_and_resources(self, client: TestClient) -> None:
        """Compliance is the share of resources that pass, by stack, severity and policy."""
        assert [{"entityName": "shop/dev", "scores": [25]}] == compliance(client, "stack")
        assert ["critical", "high"] == [row["entityName"] for row in compliance(client, "severity")]
        assert [] == compliance(client, "account")
        assert 400 == client.post(f"{RESULTS}/compliance", json={"entity": "cloud", "size": 1}).status_code
        rows = client.post(f"{RESULTS}/policies", json=NOTHING).json()["policies"]
        assert [("no-public-buckets", 2, 2, 0), ("tags", 1, 2, 50)] == [
            (row["policyName"], row["failingResources"], row["governedResources"], row["percentCompliant"]) for row in rows
        ]
        found = client.get(f"{RESULTS}/metadata").json()
        assert (2, 2, 2) == (found["policyTotalCount"], found["policyWithIssuesCount"], found["resourcesWithIssuesCount"])
        assert 3 == len(client.get(f"{RESULTS}/violationsv2").json()["policyViolations"])


class TestCompliance:
    def test_comes_in_pages(self, client: TestClient, backend: Backend, stack: str) -> None:
        """Stacks come in pages by name with a token between them, and policies in windows of rows with their number."""
        paths = [stack, *(create_stack(client, name) for name in ("prod", "test"))]
        for path in paths:
            update(client, backend, path, summary(passed=("tags", "no-public-buckets")))
        names, token = [], None
        for _ in range(2):
            body = {"entity": "stack", "size": 2, "continuationToken": token}
            reply = client.post(f"{RESULTS}/compliance", json=body).json()
            names.append([row["entityName"] for row in reply["rows"]])
            token = reply.get("continuationToken")
        policies = client.post(f"{RESULTS}/policies", json={**NOTHING, "startRow": 1, "endRow": 2}).json()

        assert [["shop/dev", "shop/prod"], ["shop/test"]] == names
        assert token is None
        assert (["tags"], 2) == ([row["policyName"] for row in policies["policies"]], policies["totalCount"])


class TestChange:
    @pytest.fixture(autouse=True)
    def issue(self, client: TestClient, backend: Backend, stack: str) -> None:
        """One issue."""
        update(client, backend, stack, violation(), summary())

    def test_sets_status_priority_and_assignee(self, client: TestClient) -> None:
        """A person takes an issue, and gives it back; both are in the audit log."""
        taken = patch(client, status="in_progress", priority="p0", assignedTo="admin").json()["policyIssue"]
        (issue,) = listed(client)

        assert ("in_progress", "p0", "admin") == (issue["status"], issue["priority"], issue["assignedTo"]["githubLogin"])
        assert issue == taken
        assert 1 == len(listed(client, filterModel={"type": "AND", "conditions": [equals("assignedTo", "admin")]}))
        assert "assignedTo" not in patch(client, assignedTo="").json()["policyIssue"]
        assert "policy-issue-updated" == client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"][0]["event"]

    @pytest.mark.parametrize(
        "members", [{"status": "fixed"}, {"status": "by_design"}, {"status": "x"}, {"priority": "p9"}, {"assignedTo": "nobody"}]
    )
    def test_refuses_what_people_cannot_set(self, client: TestClient, members: dict[str, Any]) -> None:
        """Updates set an issue to fixed; other members than those of the organization take no issues."""
        assert 400 == patch(client, **members).status_code

    def test_keeps_what_is_ignored(self, client: TestClient, backend: Backend, stack: str) -> None:
        """An ignored issue stays ignored when it is seen again."""
        patch(client, status="ignored")
        update(client, backend, stack, violation(), summary())

        assert [] == listed(client)
        assert ["ignored"] == [row["status"] for row in listed(client, closed=True)]

    def test_shows_the_policy(self, client: TestClient) -> None:
        """An issue comes with the policy and the pack, until that version is deleted."""
        (issue,) = listed(client)
        reply = client.get(f"{RESULTS}/issues/{issue['id']}").json()

        assert ("no-public-buckets", "guard") == (reply["policy"]["name"], reply["policyPack"]["name"])
        assert 404 == client.get(f"{RESULTS}/issues/none").status_code
        assert reply == client.get(f"/api/orgs/acme/policy/findings/{issue['id']}").json()
