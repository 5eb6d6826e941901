"""Scenes of policy packs and policy groups."""

import urllib.request
from typing import Any

from pulumi_cloud_sdk import models

from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique
from tests.factories.policies import make_archive

DEFAULT = "default-policy-group"
STACK = models.PermissionExpressionStack()


def begin(where: Scene, pack: str, tag: str = "1") -> Any:
    """Create a version and store its archive."""
    schema = models.AppPolicyConfigSchema(type=models.AppJSONSchemaType("object"), properties={"allowed": {"type": "array"}})
    policy = models.AppPolicy("buckets", "Buckets", "", models.AppEnforcementLevel("mandatory"), "", config_schema=schema)
    created = where.admin.orgs.create_policy_pack(where.org, models.AppCreatePolicyPackRequest(pack, "Pack", [policy], tag))
    address = where.url + "/api/" + created.upload_uri.partition("/api/")[2]
    upload = urllib.request.Request(address, make_archive(), created.required_headers or {}, method="PUT")
    with urllib.request.urlopen(upload) as reply:
        assert 200 == reply.status
    return created


def publish(where: Scene, *tags: str) -> str:
    """Publish versions of a pack and return its name."""
    pack = unique("pack")
    for tag in tags or ("1",):
        begin(where, pack, tag)
        where.admin.orgs.complete_policy_pack(where.org, pack, tag)
    return pack


def make_group(where: Scene, **members: Any) -> str:
    """Create a group and return its name."""
    name = unique("group")
    where.admin.orgs.new_policy_group(where.org, models.NewPolicyGroupRequest(name, **members))
    return name


def adding(pack: str, **members: Any) -> Any:
    """Return the change that enables a pack."""
    return models.UpdatePolicyGroupRequest(add_policy_pack=models.AppPolicyPackMetadata(pack, "Pack", 0, "1", **members))


def rule(value: str) -> Any:
    """Return a rule: stacks with the tag `env` of a value."""
    tag = models.PermissionExpressionTag(context=STACK, key="env")
    return models.PermissionExpressionEqual(left=tag, right=models.PermissionLiteralExpressionString(value=value))


@scene
def create_policy_pack(where: Scene) -> None:
    """A version has a number and an address for its archive."""
    assert 1 == begin(where, unique("pack")).version


@scene
def complete_policy_pack(where: Scene) -> None:
    """A version is completed once."""
    pack = publish(where)
    with refused(400):
        where.admin.orgs.complete_policy_pack(where.org, pack, "1")


@scene
def list_policy_packs_orgs(where: Scene) -> None:
    """Packs are listed with their versions."""
    pack = publish(where, "a", "b")
    (found,) = where.admin.orgs.list_policy_packs_orgs(where.org, policypack=pack).policy_packs

    assert ([1, 2], ["a", "b"]) == (found.versions, found.version_tags)


@scene
def get_policy_pack(where: Scene) -> None:
    """A version has its policies."""
    found = where.admin.orgs.get_policy_pack(where.org, publish(where), "1")

    assert ("buckets", False) == (found.policies[0].name, found.applied)


@scene
def get_policy_pack_config_schema(where: Scene) -> None:
    """The schema of a configuration by policy."""
    assert "buckets" in where.admin.orgs.get_policy_pack_config_schema(where.org, publish(where), "1").config_schema


@scene
def delete_policy_pack_version(where: Scene) -> None:
    """A version that is enabled is not deleted."""
    pack = publish(where)
    group = make_group(where)
    where.admin.orgs.update_policy_group(where.org, group, adding(pack))
    with refused(409):
        where.admin.orgs.delete_policy_pack_version(where.org, pack, "1")
    where.admin.orgs.delete_policy_group(where.org, group)
    where.admin.orgs.delete_policy_pack_version(where.org, pack, "1")


@scene
def delete_policy_pack_orgs_policypacks(where: Scene) -> None:
    """A pack is deleted with all versions."""
    pack = publish(where, "1", "2")
    where.admin.orgs.delete_policy_pack_orgs_policypacks(where.org, pack)
    with refused(404):
        where.admin.orgs.get_policy_pack(where.org, pack, "1")


@scene
def get_org_registry_policy_pack(where: Scene) -> None:
    """The registry has the organization's packs."""
    pack = publish(where)

    assert pack == where.admin.orgs.get_org_registry_policy_pack(where.org, pack).policy_pack.name


@scene
def list_policy_packs(where: Scene) -> None:
    """The registry's list, as the console reads it."""
    pack = publish(where)

    assert [pack] == [row.name for row in where.admin.registry.list_policy_packs(org_login=where.org).policy_packs]


@scene
def list_policy_packs_post(where: Scene) -> None:
    """The registry's list, as the provider reads it."""
    pack = publish(where)
    request = models.ListPolicyPacksRequest(org_login=where.org)

    assert [pack] == [row.name for row in where.admin.registry.list_policy_packs_post(request).policy_packs]


@scene
def new_policy_group(where: Scene) -> None:
    """A group has a name of its own."""
    group = make_group(where, entity_type=models.PolicyGroupEntityType("stacks"), mode=models.PolicyGroupMode("audit"))
    with refused(409):
        where.admin.orgs.new_policy_group(where.org, models.NewPolicyGroupRequest(group))


@scene
def list_policy_groups(where: Scene) -> None:
    """Groups are listed, the default one too."""
    group = make_group(where)

    assert {DEFAULT, group} == {row.name for row in where.admin.orgs.list_policy_groups(where.org).policy_groups}


@scene
def get_policy_group(where: Scene) -> None:
    """A group has its packs with their configuration, and its rule."""
    pack, group = publish(where), make_group(where, stack_match_rule=rule("prod"))
    where.admin.orgs.update_policy_group(where.org, group, adding(pack, config={"all": "advisory"}, environments=["p/e"]))
    found = where.admin.orgs.get_policy_group(where.org, group)

    (applied,) = found.applied_policy_packs
    assert (pack, {"all": "advisory"}, ["p/e"]) == (applied.name, applied.config, applied.environments)
    assert "prod" == found.stack_match_rule.right.value


@scene
def update_policy_group(where: Scene) -> None:
    """A stack that does not exist is not added."""
    group = make_group(where)
    where.admin.orgs.update_policy_group(where.org, group, models.UpdatePolicyGroupRequest(new_name=unique("group")))
    with refused(404):
        where.admin.orgs.update_policy_group(where.org, group, models.UpdatePolicyGroupRequest())


@scene
def batch_update_policy_group(where: Scene) -> None:
    """Several changes at once."""
    pack, group, stack = publish(where), make_group(where), where.stack()
    reference = models.AppPulumiStackReference(stack, PROJECT)
    where.admin.orgs.batch_update_policy_group(
        where.org, group, [adding(pack), models.UpdatePolicyGroupRequest(add_stack=reference)]
    )
    found = where.admin.orgs.get_policy_group(where.org, group)

    assert ([stack], [pack]) == ([row.name for row in found.stacks], [row.name for row in found.applied_policy_packs])


@scene
def delete_policy_group(where: Scene) -> None:
    """The default group stays."""
    where.admin.orgs.delete_policy_group(where.org, make_group(where))
    with refused(400):
        where.admin.orgs.delete_policy_group(where.org, DEFAULT)


@scene
def get_policy_group_metadata(where: Scene) -> None:
    """Stacks with policies are counted."""
    where.stack()

    assert 1 == where.admin.orgs.get_policy_group_metadata(where.org).total_stacks


@scene
def list_policy_group_stacks(where: Scene) -> None:
    """Members come with the reason why they are members."""
    stack = where.stack()
    (found,) = where.admin.orgs.list_policy_group_stacks(where.org, DEFAULT).stacks

    assert (stack, "rule") == (found.name, found.source.value)


@scene
def list_policy_group_accounts(where: Scene) -> None:
    """No group has accounts."""
    assert [] == where.admin.orgs.list_policy_group_accounts(where.org, DEFAULT).accounts


@scene
def preview_stack_match_rule(where: Scene) -> None:
    """A rule is tried before it is kept."""
    where.stack()
    found = where.admin.orgs.preview_stack_match_rule(where.org, models.PreviewStackMatchRuleRequest(rule("prod")))

    assert (0, 1) == (found.matched_count, found.total_count)


@scene
def get_stack_policy_groups(where: Scene) -> None:
    """The groups of a stack."""
    found = where.admin.stacks.get_stack_policy_groups(where.org, PROJECT, where.stack())

    assert [DEFAULT] == [row.name for row in found.policy_groups]


@scene
def get_stack_policy_packs(where: Scene) -> None:
    """The packs of a stack, with the address of each."""
    pack = publish(where)
    where.admin.orgs.update_policy_group(where.org, DEFAULT, adding(pack))
    (found,) = where.admin.stacks.get_stack_policy_packs(where.org, PROJECT, where.stack()).required_policies

    with urllib.request.urlopen(where.url + "/api/" + found.pack_location.partition("/api/")[2]) as reply:
        assert (200, make_archive()) == (reply.status, reply.read())
