"""Exceptions over HTTP."""

from typing import Any

import pytest
from httpx2 import Client, Response
from sqlalchemy import insert
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.ids import new_id
from common.core.paging import make_token, seal
from common.db.tables.policies import policy_exceptions
from common.policies.exceptions.model import EXCEPTION_LIMIT
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.counting import Counter
from tests.factories.policies import enable, publish
from tests.wire import create_stack, program

EXCEPTIONS = "/api/orgs/acme/policy/exceptions"
BUCKET = "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::data"
MATCH = [{"policies": ["no-public-buckets"], "targets": [BUCKET]}]


@pytest.fixture(autouse=True)
def pack(client: TestClient) -> None:
    """A pack that is enabled."""
    publish(client)
    enable(client)


def create(client: Client, **members: Any) -> Response:
    """Ask for an exception."""
    return client.post(EXCEPTIONS, json={"policyPack": "guard", "match": MATCH, "reason": "legacy", **members})


def org_id_of(admin: Caller) -> str:
    """Return the id of acme."""
    membership = admin.membership("acme")
    assert membership is not None
    return membership.org_id


def listed(client: Client, query: str = "") -> list[str]:
    """Return the ids of exceptions."""
    return [row["id"] for row in client.get(f"{EXCEPTIONS}?{query}").json()["exceptions"]]


def test_is_sent_with_updates(client: TestClient, clock: FrozenClock) -> None:
    """An active exception goes with its pack to updates, by its id; one that has expired does not."""
    stack = create_stack(client)
    assert 201 == create(client, expiresInSeconds=60).status_code
    create(client, match=[{"policies": ["tags"], "targets": [BUCKET]}])
    (policy,) = client.post(f"{stack}/update", json=program()).json()["requiredPolicies"]

    assert {"reason": "legacy", "match": MATCH} == policy["exceptions"]["EXC-1"]
    assert {"EXC-1", "EXC-2"} == policy["exceptions"].keys()
    clock.pass_seconds(61)
    (policy,) = client.post(f"{stack}/update", json=program()).json()["requiredPolicies"]
    assert {"EXC-2"} == policy["exceptions"].keys()
    assert (["EXC-2"], ["EXC-1"]) == (listed(client), listed(client, "status=removed"))


def test_is_updated_by_the_same_one(client: TestClient) -> None:
    """An exception for the same policies and resources is updated: 200 in place of 201."""
    first, second = create(client), create(client, reason="still legacy")

    assert (201, 200) == (first.status_code, second.status_code)
    assert ("EXC-1", "still legacy", "active") == tuple(second.json()[key] for key in ("id", "reason", "status"))
    assert "admin" == first.json()["createdBy"]["githubLogin"]
    assert "expiresAt" not in first.json()


def test_is_removed_once(client: TestClient) -> None:
    """A removed exception keeps its id; removing it again is a conflict whose words clients know."""
    create(client)
    removed = client.delete(f"{EXCEPTIONS}/EXC-1").json()
    again = client.delete(f"{EXCEPTIONS}/EXC-1")

    assert ("removed", "admin") == (removed["status"], removed["removedBy"]["githubLogin"])
    assert 409 == again.status_code
    assert "already removed" in again.json()["message"]
    assert "EXC-2" == create(client).json()["id"]
    assert 404 == client.delete(f"{EXCEPTIONS}/EXC-9").status_code
    assert 404 == client.get(f"{EXCEPTIONS}/none").status_code
    assert removed == client.get(f"{EXCEPTIONS}/exc-1").json()


def test_is_found_by_pack_policy_and_stack(client: TestClient) -> None:
    """The list is narrowed and paged; the last page has no token."""
    create(client)
    create(client, match=[{"policies": ["tags"], "targets": ["urn:pulumi:prod::shop::x:y:Z::a"]}])

    assert ["EXC-2", "EXC-1"] == listed(client, "policyPack=guard")
    assert ["EXC-2"] == listed(client, "stack=shop/prod")
    assert ["EXC-1"] == listed(client, "policy=no-public-buckets")
    assert [] == listed(client, "policyPack=other")
    page = client.get(f"{EXCEPTIONS}?maxResults=1").json()
    rest = client.get(f"{EXCEPTIONS}?maxResults=1&continuationToken={page['continuationToken']}").json()
    assert (["EXC-1"], None) == ([row["id"] for row in rest["exceptions"]], rest.get("continuationToken"))


def test_is_found_by_exact_names(client: TestClient) -> None:
    """A part of a name finds nothing, and a policy and a stack must be in the same entry; a page may be short of its limit."""
    create(client)
    create(client, match=[{"policies": ['say "hi"_%', "last"], "targets": ["urn:pulumi:prod::shop::x:y:Z::a"]}])
    create(client, match=[*MATCH, {"policies": ["last"], "targets": ["urn:pulumi:prod::shop::x:y:Z::b"]}])

    assert ["EXC-2"] == listed(client, 'policy=say "hi"_%25')
    assert ["EXC-3", "EXC-2"] == listed(client, "policy=last")
    assert ["EXC-3", "EXC-1"] == listed(client, "stack=shop/dev")
    nothing = (
        "policy=no",
        "policy=LAST",
        "policy=targets",
        "policy=hi",
        "policy=%25",
        "stack=shop/d",
        "stack=shop",
        f"policy={'x' * 9000}",
    )
    assert [[]] * len(nothing) == [listed(client, query) for query in nothing]
    assert [] == listed(client, "policy=last&stack=shop/dev")
    short = client.get(f"{EXCEPTIONS}?policy=last&stack=shop/dev&maxResults=1")
    assert ([], None) == (short.json()["exceptions"], short.json().get("continuationToken"))


def test_is_listed_without_reading_the_others(client: TestClient, counter: Counter) -> None:
    """A page costs the caller's statement and one more, of as many rows as it shows."""
    for number in range(3):
        create(client, match=[{"policies": [f"p{number}"], "targets": [BUCKET]}])
    counter.reset()

    assert ["EXC-3"] == listed(client, "maxResults=1")
    assert 2 == counter.statements


@pytest.mark.parametrize(
    "members",
    [
        {"reason": " "},
        {"match": []},
        {"match": [{"policies": [], "targets": [BUCKET]}]},
        {"match": [{"policies": ["x"], "targets": ["data"]}]},
        {"expiresInSeconds": 0},
        {"match": [{"policies": ["x" * (64 << 10)], "targets": [BUCKET]}]},
    ],
)
def test_needs_a_reason_policies_and_resources(client: TestClient, members: dict[str, Any]) -> None:
    """An exception says why, from what, and for which resources, in a text that every update can be sent."""
    assert 400 == create(client, **members).status_code


def test_is_from_a_known_pack(client: TestClient) -> None:
    """A pack that was never published has no exceptions."""
    assert 404 == create(client, policyPack="none").status_code


@pytest.mark.parametrize(("number", "status"), [("9", 200), ("9" * 1_700, 400), ("-1", 400), ("\u0663", 400)])
def test_has_no_page_at_a_bad_number(client: TestClient, admin: Caller, number: str, status: int) -> None:
    """The place in a continuation token is a number that the database can compare."""
    token = make_token(seal(admin.user_id, org_id_of(admin), None, None, None, "active"), number)

    assert status == client.get(f"{EXCEPTIONS}?continuationToken={token}").status_code


@pytest.mark.parametrize(("removed_at", "status"), [(1, 201), (None, 400)], ids=["removed", "active"])
def test_is_counted_while_it_is_active(
    client: TestClient, backend: Backend, admin: Caller, removed_at: int | None, status: int
) -> None:
    """Ten thousand exceptions may be active in an organization; removed ones do not count."""
    with backend.db.begin() as tx:
        values = {
            "org_id": org_id_of(admin),
            "pack_name": "guard",
            "matches": "[]",
            "reason": "legacy",
            "expires_at": None,
            "created_by": admin.user_id,
            "created_at": 1,
            "removed_by": None,
            "removed_at": removed_at,
        }
        rows = [{**values, "id": new_id(), "number": number} for number in range(1, EXCEPTION_LIMIT + 1)]
        tx.execute(insert(policy_exceptions), rows)

    assert status == create(client).status_code
