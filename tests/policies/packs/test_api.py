"""Publishing, listing and deleting policy packs over HTTP."""

import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from common.backend import Backend
from common.core.errors import BadRequest
from common.policies.packs import cleanup, service
from common.ports.blobs import Bucket
from common.ports.blobs.files import Files
from common.rights.caller import Caller
from tests.clocks import FrozenClock
from tests.factories.clients import make_client
from tests.factories.people import make_user
from tests.factories.policies import (
    PACKS,
    POLICIES,
    complete,
    create,
    enable,
    make_archive,
    publish,
    upload,
)
from tests.wire import create_stack, create_update, error_of, program

ONE = f"{PACKS}/guard/versions/1.0.0"


def listed(client: TestClient) -> list[dict[str, Any]]:
    """Return the packs of acme."""
    packs: list[dict[str, Any]] = client.get(PACKS).json()["policyPacks"]
    return packs


class InterruptedFiles(Files):
    """A folder in which something else happens once, before an archive is stored."""

    meanwhile: Callable[[], None] | None = None

    def put_file(self, key: str, stored: bytes) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        super().put_file(key, stored)


class TestPublish:
    def test_makes_a_version(self, client: TestClient) -> None:
        """A pack is listed with numbers and tags, and a version is read by its tag, by its number and as the latest."""
        publish(client, tag="1.0.0")
        publish(client, tag="1.1.0", archive=make_archive({"package/other": b"x"}))

        assert [
            {"name": "guard", "displayName": "Guard", "versions": [1, 2], "versionTags": ["1.0.0", "1.1.0"]},
        ] == listed(client)
        for address in (f"{PACKS}/guard/versions/1.1.0", f"{PACKS}/guard/versions/2", f"{PACKS}/guard/latest"):
            pack = client.get(address).json()
            assert ("guard", 2, "1.1.0", False) == (pack["name"], pack["version"], pack["versionTag"], pack["applied"])
            assert [policy["name"] for policy in POLICIES] == [policy["name"] for policy in pack["policies"]]

    def test_without_a_tag_uses_the_number(self, client: TestClient) -> None:
        """Old clients send no tag, and use the number that the server chose everywhere."""
        publish(client, tag="2")

        assert 3 == publish(client, tag="", archive=make_archive({"package/x": b""}))
        assert ["2", "3"] == listed(client)[0]["versionTags"]

    def test_hides_a_version_that_is_not_complete(self, client: TestClient) -> None:
        """Before it is complete, a version is in no list and cannot be enabled."""
        create(client)

        assert [] == listed(client)
        assert 400 == client.get(ONE).status_code
        assert 404 == enable(client).status_code

    @pytest.mark.parametrize(
        "content",
        [b"", b"hello", gzip.compress(b"no tar" * 300), make_archive({"elsewhere/x": b""}), make_archive()[:-20]],
        ids=["empty", "text", "gzip", "other folder", "cut off"],
    )
    def test_refuses_what_is_not_a_pack(self, client: TestClient, content: bytes) -> None:
        """The client does not look at the reply to its upload, so that `complete` looks at the archive."""
        upload(client, create(client).json(), content)

        assert 400 == complete(client).status_code
        assert [] == listed(client)

    def test_refuses_a_missing_archive(self, client: TestClient) -> None:
        """Nothing was uploaded: the version is not complete, and may be uploaded again."""
        create(client)
        refused = complete(client)
        publish(client)

        assert (400, 400, "Bad Request: the archive of policy pack guard was not uploaded; publish it again") == error_of(refused)

    def test_is_done_once(self, client: TestClient) -> None:
        """A version is completed once, and a live tag is not published again."""
        publish(client)

        assert 400 == complete(client).status_code
        assert 400 == create(client).status_code
        assert 404 == complete(client, version="9").status_code

    def test_keeps_a_tag_for_its_content(self, client: TestClient) -> None:
        """Clients keep a version by its tag for ever: a deleted tag comes back with the same files alone."""
        publish(client)
        assert 200 == client.delete(ONE).status_code

        upload(client, create(client).json(), make_archive({"package/other": b"x"}))
        refused = complete(client)
        publish(client, archive=make_archive(mtime=77))

        assert 400 == refused.status_code
        assert "had other content before" in refused.json()["message"]
        assert [3] == listed(client)[0]["versions"]

    def test_that_fails_leaves_no_archive(self, client: TestClient, backend: Backend) -> None:
        """An archive that is refused changes no other one, and is not kept."""
        publish(client)
        client.delete(ONE)
        archives = backend.policy_packs.page("policy-packs/", "", 10)
        upload(client, create(client).json(), make_archive({"package/other": b"x"}))

        assert 400 == complete(client).status_code
        assert archives == backend.policy_packs.page("policy-packs/", "", 10)

    def test_by_two_calls_at_once_keeps_what_was_checked(self, backend: Backend, admin: Caller, tmp_path: Path) -> None:
        """Of two calls with different uploads, the one that is first makes the version; the other changes nothing."""
        store = InterruptedFiles(tmp_path)
        backend = replace(backend, policy_packs=Bucket(store))
        with make_client(backend) as client:
            created = create(client).json()

            def publish_first() -> None:
                upload(client, created, make_archive())
                assert 204 == complete(client).status_code

            upload(client, created, make_archive({"package/late": b"x"}))
            store.meanwhile = publish_first
            with pytest.raises(BadRequest, match="had other content before"):
                service.complete_version(backend, admin, "acme", "guard", "1.0.0")
            enable(client)
            (policy,) = client.post(f"{create_stack(client)}/update", json=program()).json()["requiredPolicies"]

            assert make_archive() == client.get(f"/api/{policy['packLocation'].partition('/api/')[2]}").content

    @pytest.mark.parametrize(
        "members",
        [
            {"name": "a b"},
            {"name": ""},
            {"versionTag": "1/2"},
            {"versionTag": "latest"},
            {"policies": [{"name": "x"}, {"name": "x"}]},
            {"policies": [{"name": "x", "enforcementLevel": "sometimes"}]},
            {"displayName": "x" * 256},
        ],
    )
    def test_refuses_bad_names(self, client: TestClient, members: dict[str, Any]) -> None:
        """Names, tags and levels are those that clients know."""
        assert 400 == client.post(PACKS, json={"name": "guard", "policies": [], **members}).status_code

    def test_is_recorded(self, client: TestClient) -> None:
        """Publishing and deleting are in the audit log."""
        publish(client)
        client.delete(f"{PACKS}/guard")

        events = client.get("/api/orgs/acme/auditlogs/v2").json()["auditLogEvents"]
        assert ["policy-pack-deleted", "policy-pack-created"] == [event["event"] for event in events[:2]]


class TestAddress:
    def test_needs_no_token_and_ends(self, client: TestClient, clock: FrozenClock) -> None:
        """The address of an upload works without a token for a quarter of an hour, and for uploads alone."""
        created = create(client).json()
        path = "/api/" + created["uploadURI"].partition("/api/")[2]

        assert 403 == client.get(path).status_code
        assert 403 == client.put(f"{path}x", content=b"x").status_code
        assert 403 == client.put("/api/policy-archives/x.y", content=b"x" * 100_000).status_code
        clock.pass_seconds(16 * 60)
        assert 403 == upload(client, created, make_archive()).status_code

    def test_serves_the_archive_as_it_came(self, client: TestClient) -> None:
        """The address in `requiredPolicies` answers exactly 200, with the bytes of the archive, without a token."""
        archive = make_archive()
        publish(client, archive=archive)
        enable(client)
        stack = create_stack(client)
        (policy,) = client.post(f"{stack}/update", json=program()).json()["requiredPolicies"]
        path = policy["packLocation"].partition("/api/")[2]

        reply = client.get(f"/api/{path}", headers={"Authorization": "", "Accept-Encoding": "gzip"})
        assert (200, archive, "application/gzip") == (reply.status_code, reply.content, reply.headers["Content-Type"])
        assert "Content-Encoding" not in reply.headers

    def test_of_a_checked_archive_cannot_be_written(self, client: TestClient) -> None:
        """The address of an upload cannot change a pack that was checked."""
        created = create(client).json()
        upload(client, created, make_archive())
        complete(client)
        upload(client, created, b"something else")
        enable(client)
        update = client.post(f"{create_stack(client)}/update", json=program()).json()

        path = update["requiredPolicies"][0]["packLocation"].partition("/api/")[2]
        assert make_archive() == client.get(f"/api/{path}").content


class TestDelete:
    def test_waits_for_the_groups(self, client: TestClient) -> None:
        """A version that a group applies is not deleted (409), and neither is its pack (400)."""
        publish(client)
        enable(client)

        assert 409 == client.delete(ONE).status_code
        assert 400 == client.delete(f"{PACKS}/guard").status_code
        client.patch("/api/orgs/acme/policygroups/default-policy-group", json={"removePolicyPack": {"name": "guard"}})
        assert (200, b"") == ((reply := client.delete(ONE)).status_code, reply.content)
        assert 404 == client.delete(ONE).status_code
        assert 404 == client.delete(f"{PACKS}/guard").status_code
        assert 404 == client.get(ONE).status_code

    def test_leaves_no_archive(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """A job deletes the archives of deleted versions, and uploads that were not completed within a day."""
        publish(client)
        client.delete(f"{PACKS}/guard")
        upload(client, create(client, tag="2").json(), make_archive())
        # The store has times of its own.
        clock.moment = datetime.now(UTC) + timedelta(days=2)

        assert 3 == cleanup.delete_expired(backend)
        assert 0 == cleanup.delete_expired(backend)
        assert [] == backend.policy_packs.page("policy-", "", 10)

    def test_leaves_no_archive_that_a_crash_left(self, client: TestClient, backend: Backend, clock: FrozenClock) -> None:
        """A job deletes archives that no version names, page by page, once they are a day old; others stay."""
        publish(client)
        ((used, _),) = backend.policy_packs.page("policy-packs/", "", 9)
        for name in ("0", "z"):
            backend.policy_packs.put_file(f"policy-packs/{name}", b"left by a crash")
        clock.moment = datetime.now(UTC)
        assert (0, "") == cleanup.delete_unreferenced(backend, "")
        clock.moment += timedelta(days=2)

        assert (1, "policy-packs/0") == cleanup.delete_unreferenced(backend, "", page_size=1)
        assert (0, used) == cleanup.delete_unreferenced(backend, "policy-packs/0", page_size=1)
        assert (1, "") == cleanup.delete_unreferenced(backend, used)
        assert [used] == [key for key, _ in backend.policy_packs.page("policy-packs/", "", 9)]


class TestSchema:
    def test_is_that_of_each_policy_with_one(self, client: TestClient) -> None:
        """The command line checks a configuration against this reply."""
        publish(client)

        assert {"configSchema": {"no-public-buckets": POLICIES[0]["configSchema"]}} == client.get(f"{ONE}/schema").json()


class TestRegistry:
    def test_has_the_packs_of_the_organization(self, client: TestClient) -> None:
        """The provider looks packs up in the registry."""
        publish(client)
        found = client.get("/api/orgs/acme/registry/policypacks/guard").json()["policyPack"]

        assert ("private", "acme", "1.0.0", "full") == (
            found["source"],
            found["publisher"],
            found["version"],
            found["accessLevel"],
        )
        assert ["advisory", "disabled", "mandatory"] == found["enforcementLevels"]
        for body, count in (({}, 1), ({"access": ["enabled", "private"]}, 1), ({"access": ["available"]}, 0), ({"ids": []}, 0)):
            reply = client.post("/api/registry/policypacks", json={"orgLogin": "acme", **body})
            assert count == len(reply.json()["policyPacks"])
        assert 404 == client.get("/api/orgs/acme/registry/policypacks/guard?tag=9").status_code


def test_packs_are_not_told_to_strangers(client: TestClient, backend: Backend) -> None:
    """Other people's packs look like missing ones."""
    publish(client)
    stranger = {"Authorization": f"token {make_user(backend, 'mallory')}"}

    assert 404 == client.get(PACKS, headers=stranger).status_code
    assert 404 == client.get(ONE, headers=stranger).status_code
    assert create_update(client, create_stack(client))
