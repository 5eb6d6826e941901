"""A policy pack written for Node, with the real library from npm: it is published, and stops, reports and mends like any other."""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

import pytest

from tests.e2e.cli import Cli
from tests.e2e.programs.node_host import link_packages
from tests.e2e.project import Project, ProjectFactory, part

pytestmark = pytest.mark.newest_cli_only
PACK = """
const { PolicyPack } = require("@pulumi/policy");

new PolicyPack(%(name)s, {
    enforcementLevel: "mandatory",
    policies: [
        {
            name: "no-bad-value",
            description: "Values are good.",
            configSchema: { properties: { forbidden: { type: "array", items: { type: "string" }, default: ["bad"] } } },
            validateResource: (args, report) => {
                if (args.getConfig().forbidden.includes(args.props.value)) report("the value is forbidden");
            },
        },
        {
            name: "label-wanted",
            description: "Parts have labels.",
            enforcementLevel: "advisory",
            validateResource: (args, report) => {
                if (args.type.startsWith("brittle") && !args.props.label) report("a label is wanted");
            },
        },
        {
            name: "right-slot",
            description: "Slots are right.",
            enforcementLevel: "remediate",
            remediateResource: (args) => {
                if (args.props.slot === "wrong") return { ...args.props, slot: "right" };
            },
        },
    ],
});
"""


@pytest.fixture
def pack(cli: Cli, node_modules: Path, tmp_path: Path) -> str:
    """The name of a pack that was published from its folder."""
    if reason := os.environ.get("STACKHOLD_E2E_WITHOUT_UPLOADS"):
        pytest.skip(reason)
    name = f"node-{uuid.uuid4().hex[:8]}"
    folder = tmp_path / "pack"
    folder.mkdir()
    (folder / "PulumiPolicy.yaml").write_text(json.dumps({"runtime": "nodejs", "description": "Values"}), encoding="utf-8")
    manifest = {"name": name, "version": "1.2.3", "main": "index.js", "dependencies": {"@pulumi/policy": "^1.20.0"}}
    (folder / "package.json").write_text(json.dumps(manifest), encoding="utf-8")
    (folder / "index.js").write_text(PACK % {"name": json.dumps(name)}, encoding="utf-8")
    link_packages(folder, node_modules)
    cli.run(("policy", "publish", cli.server.org), folder)
    return name


def test_stops_reports_and_mends(cli: Cli, pack: str, make_project: ProjectFactory) -> None:
    """Its mandatory policy stops an update, an advisory one reports, one that remediates changes the resource; config is followed."""
    project: Project = make_project()
    project.write({"one": part(value="bad", label="x"), "two": part(value="good", slot="wrong")})
    project.init()
    group, org = f"group-{uuid.uuid4().hex[:8]}", cli.server.org
    project.run("policy", "group", "new", group, "--org", org, "--mode", "preventative", "--yes")
    add = ("--add-stack", f"{project.name}/dev", "--add-policy-pack", f"{pack}@1.2.3")
    project.run("policy", "group", "edit", group, "--org", org, *add)
    stopped = project.run("up", "--yes", "--skip-preview", ok=False)
    assert "the value is forbidden" in stopped.text
    assert "no-bad-value" in stopped.text
    project.write({"one": part(value="good", label="x"), "two": part(value="good", slot="wrong")})
    passed = project.run("up", "--yes", "--skip-preview")
    assert "a label is wanted" in passed.text
    assert "right" == project.export().named("two")["outputs"]["slot"]
    config = project.file("policy.json")
    config.write_text(json.dumps({"no-bad-value": {"forbidden": ["good"]}}), encoding="utf-8")
    project.run("policy", "enable", f"{org}/{pack}", "1.2.3", "--policy-group", group, "--config", str(config))
    assert "the value is forbidden" in project.run("up", "--yes", "--skip-preview", ok=False).text
    project.run("policy", "disable", f"{org}/{pack}", "--policy-group", group)
    project.run("up", "--yes", "--skip-preview")
