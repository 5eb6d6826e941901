"""Policy packs and policy groups as the Pulumi Service provider asks for them, with its bodies, headers and order.

Source: pulumi/pulumi-pulumiservice, provider/pkg/pulumiapi/{policypacks,policygroups}.go, provider/pkg/resources/policy_{pack,group}.go
and provider/pkg/cloud/metadata.json, whose resources in `pulumiservice:api` send one change with PATCH.
"""

from typing import Any

import pytest
from httpx2 import Client, Response
from starlette.testclient import TestClient

from tests.factories.orgs import decoded
from tests.factories.policies import make_archive, upload
from tests.wire import create_stack

HEADERS = {
    "X-Pulumi-Source": "provider",
    "Accept": "application/vnd.pulumi+8",
    "Content-Type": "application/json",
    "User-Agent": "pulumi-admin/1",
}
ORG = "/api/orgs/acme"
GROUP = f"{ORG}/policygroups/example-group-1"
DEV = {"name": "dev", "routingProject": "shop"}
PROD = {"name": "prod", "routingProject": "shop"}


def call(client: Client, method: str, path: str, body: object = None, status: int = 200) -> Response:
    """Send a request as the provider does; it takes each status below 300."""
    reply = (
        client.request(method, path, json=body, headers=HEADERS)
        if body is not None
        else client.request(method, path, headers=HEADERS)
    )
    assert status == reply.status_code, reply.text
    return reply


def pack_body(tag: str) -> dict[str, Any]:
    """The body of a pack with its policies in the program, as Go writes them."""
    empty = {"displayName": "", "message": ""}
    schema = {"properties": {"tagKey": {"type": "string", "default": "owner"}}, "required": ["tagKey"], "type": "object"}
    return {
        "name": "example-pack-1",
        "displayName": "Example Pack",
        "versionTag": tag,
        "policies": [
            {"name": "no-public-buckets", "description": "Disallow public S3 buckets.", "enforcementLevel": "mandatory", **empty},
            {
                "name": "required-bucket-tag",
                "description": "S3 buckets must have a configurable tag key.",
                "enforcementLevel": "advisory",
                "configSchema": schema,
                **empty,
            },
        ],
    }


def publish(client: Client, tag: str = "1.0.0", archive: bytes | None = None) -> int:
    """Create a version, store its archive without an access token, and complete it."""
    created = decoded(call(client, "POST", f"{ORG}/policypacks", pack_body(tag), 201).json(), "AppCreatePolicyPackResponse")
    sent = {"uploadURI": created.upload_uri, "requiredHeaders": created.required_headers}
    assert upload(client, sent, archive or make_archive()).status_code < 300
    call(client, "POST", f"{ORG}/policypacks/example-pack-1/versions/{tag}/complete", status=204)
    version: int = created.version
    return version


def pack_reference(tag: str = "1.0.0", **members: Any) -> dict[str, Any]:
    """A pack of a group: the number is an output, so that it is sent as 0."""
    return {"name": "example-pack-1", "displayName": "", "version": 0, "versionTag": tag, **members}


def find(client: Client) -> Any:
    """Return the group as the provider reads it."""
    return decoded(call(client, "GET", GROUP).json(), "PolicyGroup")


class TestPolicyPack:
    def test_lives_from_create_to_delete(self, client: TestClient) -> None:
        """Publish, read by name and tag, publish another tag in its place, delete; what is gone already is deleted too."""
        assert 1 == publish(client)
        packs = decoded(call(client, "GET", f"{ORG}/policypacks").json(), "AppListPolicyPacksResponse").policy_packs
        assert [("example-pack-1", "Example Pack", [1], ["1.0.0"])] == [
            (pack.name, pack.display_name, pack.versions, pack.version_tags) for pack in packs
        ]
        assert 2 == publish(client, "1.1.0")
        call(client, "DELETE", f"{ORG}/policypacks/example-pack-1/versions/1.0.0")
        call(client, "DELETE", f"{ORG}/policypacks/example-pack-1/versions/1.0.0", status=404)
        (pack,) = decoded(call(client, "GET", f"{ORG}/policypacks").json(), "AppListPolicyPacksResponse").policy_packs
        assert ([2], ["1.1.0"]) == (pack.versions, pack.version_tags)

    def test_is_read_by_invokes(self, client: TestClient) -> None:
        """The functions of programs read a version, the newest one, and the registry."""
        publish(client)
        for path in ("versions/1", "latest"):
            found = decoded(call(client, "GET", f"{ORG}/policypacks/example-pack-1/{path}").json(), "AppGetPolicyPackResponse")
            assert ["no-public-buckets", "required-bucket-tag"] == [policy.name for policy in found.policies]
            assert "object" == found.policies[1].config_schema.type.value
        listed = decoded(
            call(client, "POST", "/api/registry/policypacks", {"orgLogin": "acme"}).json(), "ListPolicyPacksResponse"
        )
        assert [("private", "acme", "example-pack-1")] == [(row.source, row.publisher, row.name) for row in listed.policy_packs]
        one = call(client, "GET", f"{ORG}/registry/policypacks/example-pack-1?tag=1.0.0").json()
        assert "example-pack-1" == decoded(one, "GetRegistryPolicyPackVersionResponse").policy_pack.name
        call(client, "GET", f"{ORG}/policypacks/none/latest", status=404)

    def test_is_published_again_after_a_failed_upload(self, client: TestClient) -> None:
        """The provider deletes the version that it could not upload, and the same tag can be published afterwards."""
        created = call(client, "POST", f"{ORG}/policypacks", pack_body("1.0.0"), 201).json()
        assert created["uploadURI"]
        call(client, "POST", f"{ORG}/policypacks/example-pack-1/versions/1.0.0/complete", status=400)
        call(client, "DELETE", f"{ORG}/policypacks/example-pack-1/versions/1.0.0", status=404)

        assert publish(client) > 1


class TestPolicyGroup:
    @pytest.fixture(autouse=True)
    def stacks(self, client: TestClient) -> None:
        """A pack and two stacks."""
        publish(client)
        create_stack(client, "dev")
        create_stack(client, "prod")

    def test_lives_from_create_to_delete(self, client: TestClient) -> None:
        """Create, one change in each batch, read, update, delete; a group that is gone is read as missing."""
        call(client, "POST", f"{ORG}/policygroups", {"name": "example-group-1", "entityType": "stacks", "mode": "audit"}, 204)
        config = {"all": {"enforcementLevel": "mandatory"}, "required-bucket-tag": {"tagKey": "team"}}
        for change in (
            {"addStack": DEV},
            {"addStack": PROD},
            {"addPolicyPack": pack_reference(config=config)},
        ):
            call(client, "PATCH", f"{GROUP}/batch", [change], 204)
        group = find(client)
        (pack,) = group.applied_policy_packs
        assert ("stacks", "audit", False, []) == (group.entity_type.value, group.mode.value, group.is_org_default, group.accounts)
        assert [("dev", "shop"), ("prod", "shop")] == [(stack.name, stack.routing_project) for stack in group.stacks]
        assert ("example-pack-1", "1.0.0", 1, config) == (pack.name, pack.version_tag, pack.version, pack.config)
        publish(client, "2.0.0")
        for change in (
            {"removeStack": DEV},
            {"removePolicyPack": pack_reference(config=config)},
            {"addPolicyPack": pack_reference("2.0.0")},
        ):
            call(client, "PATCH", f"{GROUP}/batch", [change], 204)
        group = find(client)
        assert (["prod"], ["2.0.0"]) == (
            [stack.name for stack in group.stacks],
            [pack.version_tag for pack in group.applied_policy_packs],
        )
        call(client, "DELETE", GROUP, status=204)
        call(client, "GET", GROUP, status=404)

    def test_fails_in_the_middle_of_an_update(self, client: TestClient) -> None:
        """A change that is refused leaves the earlier ones, which the provider reads back."""
        call(
            client,
            "POST",
            f"{ORG}/policygroups",
            {"name": "example-group-1", "entityType": "stacks", "mode": "preventative"},
            204,
        )
        call(client, "PATCH", f"{GROUP}/batch", [{"addStack": DEV}], 204)
        call(client, "PATCH", f"{GROUP}/batch", [{"addPolicyPack": pack_reference("9")}], 404)

        assert (["dev"], []) == ([stack.name for stack in find(client).stacks], find(client).applied_policy_packs)

    def test_of_accounts_is_for_audits(self, client: TestClient) -> None:
        """A group for accounts can be created; there are no accounts to add."""
        call(client, "POST", f"{ORG}/policygroups", {"name": "example-group-1", "entityType": "accounts", "mode": "audit"}, 204)
        call(client, "PATCH", f"{GROUP}/batch", [{"addInsightsAccount": {"name": "aws"}}], 404)

        assert "accounts" == find(client).entity_type.value

    def test_of_the_generated_resources(self, client: TestClient) -> None:
        """`api.PolicyGroup` and its stack attachment send the least, with PATCH, and read the stacks of the group."""
        call(client, "POST", f"{ORG}/policygroups", {"name": "example-group-1", "entityType": "stacks"}, 204)
        call(client, "PATCH", GROUP, {"addStack": DEV}, 204)
        assert [("dev", "shop")] == [(stack.name, stack.routing_project) for stack in find(client).stacks]
        call(client, "PATCH", GROUP, {"addStack": {"name": "none", "routingProject": "shop"}}, 404)
        call(client, "PATCH", GROUP, {"removeStack": DEV}, 204)
        call(client, "PATCH", GROUP, {"removeStack": DEV}, 204)
        assert [] == find(client).stacks
        call(client, "DELETE", GROUP, status=204)
