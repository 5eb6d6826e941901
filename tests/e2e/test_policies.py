"""Policy packs as people use them: a real Python pack is published, enabled, enforced by updates, and deleted."""

from __future__ import annotations

import json
import os
import time
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.cli import Cli
from tests.e2e.project import Project, ProjectFactory, part
from tests.reporting import missing_tool

pytestmark = pytest.mark.newest_cli_only
PACK = """
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ResourceValidationPolicy,
)

def no_bad_value(args, report):
    if args.props.get("value") in args.get_config().get("forbidden", ["bad"]):
        report("the value is forbidden")

def label_wanted(args, report):
    if args.resource_type.startswith("brittle") and not args.props.get("label"):
        report("a label is wanted")

def remediate_slot(args):
    if args.props.get("slot") == "wrong":
        return {{**args.props, "slot": "right"}}

PolicyPack(
    name="{name}",
    enforcement_level=EnforcementLevel.MANDATORY,
    policies=[
        ResourceValidationPolicy(
            name="no-bad-value",
            description="Values are good.",
            validate=no_bad_value,
            config_schema=PolicyConfigSchema(
                properties={{"forbidden": {{"type": "array", "items": {{"type": "string"}}}}}},
            ),
        ),
        ResourceValidationPolicy(
            name="label-wanted",
            description="Parts have labels.",
            validate=label_wanted,
            enforcement_level=EnforcementLevel.ADVISORY,
        ),
        ResourceValidationPolicy(
            name="right-slot",
            description="Slots are right.",
            remediate=remediate_slot,
            enforcement_level=EnforcementLevel.REMEDIATE,
        ),
    ],
)
"""


class Pack:
    """The folder of a policy pack with a name that no other test has."""

    def __init__(self, cli: Cli, folder: Path) -> None:
        self.cli, self.folder, self.name = cli, folder, f"guard-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        self.write("1.0.0")

    @property
    def full_name(self) -> str:
        """The name with its organization."""
        return f"{self.cli.server.org}/{self.name}"

    def write(self, version: str) -> None:
        """Write the pack as a version."""
        (self.folder / "PulumiPolicy.yaml").write_text(
            json.dumps({"runtime": "python", "version": version, "description": version}), encoding="utf-8"
        )
        (self.folder / "__main__.py").write_text(PACK.format(name=self.name), encoding="utf-8")

    def run(self, *args: str, ok: bool | None = True) -> str:
        """Run a command about policies and return what it said."""
        return self.cli.run(("policy", *args), self.folder, ok=ok).text


@pytest.fixture
def pack(cli: Cli, tmp_path: Path) -> Pack:
    """A pack that is published."""
    if reason := os.environ.get("STACKHOLD_E2E_WITHOUT_UPLOADS"):
        pytest.skip(reason)
    if find_spec("pulumi_policy") is None:
        missing_tool("pulumi-policy (requirements/policies.txt; `make e2e` installs it)")
    made = Pack(cli, tmp_path / "pack")
    made.run("publish", cli.server.org)
    return made


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
    assert f"{project.name}/dev" in pack.run("compliance", "list", "--org", org, "--group-by", "stack")
    project.write({"one": part(value="good", label="x")})
    project.run("up", "--yes", "--skip-preview")
    until_one(pack, "--closed")
    pack.run("disable", pack.full_name)


def until_one(pack: Pack, *options: str) -> dict[str, Any]:
    """Wait until the list of the pack's issues has one, and return it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        listed = pack.run("issue", "ls", "--org", pack.cli.server.org, "--pack", pack.name, "--output", "json", *options)
        document = json.loads(listed)
        rows: list[dict[str, Any]] = document if isinstance(document, list) else document["policyIssues"]
        if rows:
            return rows[0]
        time.sleep(0.5)
    raise AssertionError("no issue after 30 seconds")
