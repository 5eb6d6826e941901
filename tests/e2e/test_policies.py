"""Policy packs as people use them: a real Python pack is published, enabled, enforced by updates, and deleted."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.e2e.policy_packs import Pack, until_one
from tests.e2e.project import Project, ProjectFactory, part

pytestmark = pytest.mark.newest_cli_only


def test_a_pack_lives_from_publish_to_rm(pack: Pack) -> None:
    """A pack is listed, described, enabled, kept while it is enabled, disabled and deleted."""
    assert pack.name in pack.run("ls", pack.cli.server.org)
    assert "no-bad-value" in pack.run("get", pack.full_name, "latest")
    pack.run("enable", pack.full_name, "latest")
    groups = json.loads(pack.run("group", "ls", pack.cli.server.org, "--json"))

    assert "default-policy-group" in [group["name"] for group in groups]
    assert "is enabled in a policy group" in pack.run("rm", pack.full_name, "all", "--yes", ok=False)
    pack.run("disable", pack.full_name)
    pack.run("rm", pack.full_name, "all", "--yes")
    assert pack.name not in pack.run("ls", pack.cli.server.org)


def test_a_configuration_is_validated(pack: Pack, tmp_path: Path) -> None:
    """The command line reads the schema from here, and this server checks what is enabled."""
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"no-bad-value":{"forbidden":["worse"]}}')
    bad.write_text('{"no-bad-value":{"forbidden":"worse"}}')
    version = pack.run("get", pack.full_name, "latest", "--output", "json")

    pack.run("validate-config", pack.full_name, json.loads(version)["versionTag"], "--config", str(good))
    pack.run("validate-config", pack.full_name, json.loads(version)["versionTag"], "--config", str(bad), ok=False)


def test_updates_are_stopped_warned_and_mended(pack: Pack, make_project: ProjectFactory) -> None:
    """A mandatory policy stops an update, an advisory one reports, and one that remediates changes the resource."""
    project: Project = make_project()
    project.write({"one": part(value="bad", label="x"), "two": part(value="good", slot="wrong")})
    project.init()
    group = f"group-{uuid.uuid4().hex[:8]}"
    org = pack.cli.server.org
    pack.run("group", "new", group, "--org", org, "--mode", "preventative", "--yes")
    pack.run(
        "group", "edit", group, "--org", org, "--add-stack", f"{project.name}/dev", "--add-policy-pack", f"{pack.name}@1.0.0"
    )
    stopped = project.run("up", "--yes", "--skip-preview", ok=False)

    assert "no-bad-value" in stopped.text
    assert "the value is forbidden" in stopped.text
    project.write({"one": part(value="good", label="x"), "two": part(value="good", slot="wrong")})
    passed = project.run("up", "--yes", "--skip-preview")
    assert "a label is wanted" in passed.text
    assert "right" == project.export().named("two")["outputs"]["slot"]
    assert f"{project.name}" in pack.run("group", "get", group, "--org", org, "--stacks")
    pack.run("group", "rm", group, "--org", org, "--yes")


def test_issues_are_fixed_and_compliance_follows(pack: Pack, make_project: ProjectFactory) -> None:
    """A violation is an issue until an update passes, and compliance follows."""
    project, org = make_project(), pack.cli.server.org
    project.write({"one": part(value="good")})
    project.init()
    pack.run("enable", pack.full_name, "latest")
    project.run("up", "--yes", "--skip-preview")
    issue = until_one(pack)

    assert ("label-wanted", "advisory", "open") == (issue["policyName"], issue["level"], issue["status"])
    pack.run("issue", "edit", issue["id"], "--org", org, "--priority", "p0")
    assert "label-wanted" in pack.run("issue", "get", issue["id"], "--org", org)
    assert issue["id"] in pack.run("issue", "ls", "--org", org, "--stack", f"{project.name}/dev", "--sort", "observedAt:desc")
    exported = pack.run("issue", "export", "--org", org, "--pack", pack.name)
    assert issue["id"] in exported
    assert "{%" not in exported
    assert "is not a member" in pack.run("issue", "edit", issue["id"], "--org", org, "--assignee", "nobody", ok=False)
    assert pack.name in pack.run("compliance", "list", "--org", org, "--group-by", "severity").lower()
    assert f"{project.name}/dev" in pack.run("compliance", "list", "--org", org, "--group-by", "stack")
    project.write({"one": part(value="good", label="x")})
    project.run("up", "--yes", "--skip-preview")
    until_one(pack, "--closed")
    pack.run("disable", pack.full_name)


def test_groups_are_edited_by_rule_and_name(pack: Pack) -> None:
    """A group gets a rule over tags and another name, and its stacks are listed with the reason; the default group stays."""
    org, group = pack.cli.server.org, f"group-{uuid.uuid4().hex[:8]}"
    pack.run("group", "new", group, "--org", org, "--mode", "audit", "--yes", "--stack-rule", "env=prod")
    found = json.loads(pack.run("group", "get", group, "--org", org, "--output", "json"))

    assert ("audit", "prod") == (found["mode"], found["stackMatchRule"]["right"]["value"])
    assert "No stacks found" in pack.run("group", "get", group, "--org", org, "--stacks", "--source", "rule")
    pack.run("group", "edit", group, "--org", org, "--name", f"{group}-new", "--stack-rule", "")
    found = json.loads(pack.run("group", "get", f"{group}-new", "--org", org, "--output", "json"))
    assert "stackMatchRule" not in found
    assert "Stack 'none/dev' not found" in pack.run(
        "group", "edit", f"{group}-new", "--org", org, "--add-stack", "none/dev", ok=False
    )
    assert "cannot be deleted" in pack.run("group", "rm", "default-policy-group", "--org", org, "--yes", ok=False)
    pack.run("group", "rm", f"{group}-new", "--org", org, "--yes")
