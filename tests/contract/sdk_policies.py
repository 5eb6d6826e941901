"""Scenes of policy packs and policy groups."""

import time
import urllib.request
from typing import Any

from httpx2 import Client
from pulumi_cloud_sdk import models

from functions.jobs import deliver_messages
from tests.contract.sdk_scene import PROJECT, Scene, refused, scene, unique
from tests.factories.policies import make_archive
from tests.wire import begin as begin_update

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
def list_policy_pack_versions_for_registry(where: Scene) -> None:
    """The registry has every version of a pack, newest first; there is no other source of packs."""
    pack = publish(where, "1", "2")
    found = where.admin.registry.list_policy_pack_versions_for_registry("private", where.org, pack).policy_packs

    assert [(pack, "2"), (pack, "1")] == [(row.name, row.version) for row in found]
    with refused(404):
        where.admin.registry.list_policy_pack_versions_for_registry("pulumi", where.org, pack)


@scene
def get_policy_pack_version_for_registry(where: Scene) -> None:
    """A version comes with its policies."""
    pack = publish(where, "1", "2")
    found = where.admin.registry.get_policy_pack_version_for_registry("private", where.org, pack, "1")

    assert (pack, "1", ["buckets"]) == (found.policy_pack.name, found.policy_pack.version, [row.name for row in found.policies])
    with refused(404):
        where.admin.registry.get_policy_pack_version_for_registry("private", where.org, pack, "3")


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


def grid() -> Any:
    """Return a request for all rows."""
    return models.AngularGridGetRowsRequest(
        [], [], [], models.AngularGridAdvancedFilterModel("AND", []), [], start_row=0, end_row=100
    )


def make_issue(where: Scene) -> tuple[str, str]:
    """Run an update that reports a violation, and return its stack and the id of the issue."""
    pack, stack = publish(where), where.stack()
    where.admin.orgs.update_policy_group(where.org, DEFAULT, adding(pack))
    address = f"{where.url}/api/stacks/{where.org}/{PROJECT}/{stack}"
    headers = {"Authorization": f"token {where.admin.token}"}
    urn = f"urn:pulumi:{stack}::{PROJECT}::aws:s3/bucket:Bucket::data"
    names = {"policyPackName": pack, "policyPackVersion": "1", "policyPackVersionTag": "1", "resourceUrn": urn}
    violation = {**names, "message": "public", "color": "raw", "policyName": "buckets", "enforcementLevel": "mandatory"}
    with Client(base_url=address, headers=headers) as client:
        running = begin_update(client, "")
        running.events(
            {"sequence": 1, "timestamp": 1, "policyEvent": violation},
            {"sequence": 2, "timestamp": 1, "policyAnalyzeSummaryEvent": {**names, "failed": ["buckets"]}},
        )
        assert running.complete().is_success
    deliver_messages(where.backend)
    deadline = time.monotonic() + 20
    while not (issues := where.admin.orgs.list_policy_issues(where.org, grid()).policy_issues):
        assert time.monotonic() < deadline, "no issue after 20 seconds"
        time.sleep(0.05)
    return stack, issues[0].id


@scene
def list_policy_issues(where: Scene) -> None:
    """A violation of an update is an issue."""
    stack, _ = make_issue(where)
    found = where.admin.orgs.list_policy_issues(where.org, grid())

    assert (1, stack) == (found.row_count, found.policy_issues[0].entity_id)


@scene
def get_policy_issue(where: Scene) -> None:
    """An issue comes with its policy and pack."""
    _, issue_id = make_issue(where)

    assert "buckets" == where.admin.orgs.get_policy_issue(where.org, issue_id).policy.name


@scene
def update_policy_issue(where: Scene) -> None:
    """An issue is given to a member, and only updates fix it."""
    _, issue_id = make_issue(where)
    change = models.UpdatePolicyIssueRequest(where.admin.login, models.PolicyIssueStatus("in_progress"))

    assert (
        where.admin.login
        == where.admin.orgs.update_policy_issue(where.org, issue_id, change).policy_issue.assigned_to.github_login
    )
    with refused(400):
        where.admin.orgs.update_policy_issue(
            where.org, issue_id, models.UpdatePolicyIssueRequest(status=models.PolicyIssueStatus("fixed"))
        )


@scene
def export_policy_issues(where: Scene) -> None:
    """Issues as CSV."""
    make_issue(where)

    assert "buckets" in where.admin.orgs.export_policy_issues(where.org, grid())


@scene
def get_policy_issues_filters(where: Scene) -> None:
    """The values of a column."""
    make_issue(where)
    found = where.admin.orgs.get_policy_issues_filters(where.org, models.PolicyIssueFiltersRequest("policyName"))

    assert [("buckets", 1)] == [(value.name, value.count) for value in found.values]


@scene
def get_policy_compliance_results(where: Scene) -> None:
    """How far stacks comply."""
    stack, _ = make_issue(where)
    request = models.GetPolicyComplianceResultsRequest(models.PolicyComplianceEntityType("stack"), size=10)

    assert [f"{PROJECT}/{stack}"] == [
        row.entity_name for row in where.admin.orgs.get_policy_compliance_results(where.org, request).rows
    ]


@scene
def get_policy_results_metadata(where: Scene) -> None:
    """How many policies and resources have issues."""
    make_issue(where)
    found = where.admin.orgs.get_policy_results_metadata(where.org)

    assert (1, 1) == (found.policy_with_issues_count, found.resources_with_issues_count)


@scene
def list_policies_compliance(where: Scene) -> None:
    """How each policy is met."""
    make_issue(where)

    assert [0] == [row.percent_compliant for row in where.admin.orgs.list_policies_compliance(where.org, grid()).policies]


@scene
def list_policy_violations_v2(where: Scene) -> None:
    """The older list of issues."""
    stack, _ = make_issue(where)

    assert [stack] == [row.stack_name for row in where.admin.orgs.list_policy_violations_v2(where.org).policy_violations]
