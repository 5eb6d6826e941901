"""A policy pack in Python with a name that no other test has, and what its issues say."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

from tests.e2e.cli import Cli

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
