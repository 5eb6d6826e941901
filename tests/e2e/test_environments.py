"""Environments from the command line: every command of `pulumi env` that this release serves, and stacks that use them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.environments import Env
from tests.e2e.matrix import Feature, has, require
from tests.e2e.project import UP, is_encrypted, stash
from tests.e2e.server import call

VALUES = """\
# kept
values:
  pulumiConfig:
    color: blue
    code:
      fn::secret: "1234"
  environmentVariables:
    SEEN_BY_TESTS: from ${name}
  files:
    LETTER: dear reader
  name: base
"""


def test_a_definition_is_made_changed_and_read(env: Env) -> None:
    """What is set is there, secrets are hidden unless asked for, and comments stay."""
    base = env.make("base", VALUES)
    env.run("set", base, "pulumiConfig.size", "7")
    env.run("set", base, "--secret", "pulumiConfig.pin", "äöü €")
    text = env.run("get", base, "--definition").stdout
    clear = env.run("get", base, "--show-secrets", "--definition").stdout
    one = env.run("get", base, "pulumiConfig.color", "--value", "json").stdout
    env.run("rm", "--yes", base, "pulumiConfig.size")

    assert "# kept" in text
    assert "1234" not in text
    assert "äöü" not in text
    assert "1234" in clear
    assert "äöü €" in clear
    assert "blue" in one
    assert "size" not in env.run("get", base, "--definition").stdout
    assert base in env.run("ls", "--organization", env.org).stdout or "base" in env.run("ls").stdout


def test_environments_open(env: Env) -> None:
    """An open gives values in every format, with what is imported; a run has the variables and the files."""
    env.make("base", VALUES)
    dev = env.make("dev", f"imports: [{env.project.name}/base]\nvalues:\n  more: ${{name}}!\n")
    opened = json.loads(env.run("open", dev, "--format", "json").stdout)
    variables = env.run("open", dev, "--format", "dotenv").stdout
    one = env.run("open", dev, "pulumiConfig.code").stdout
    ran = env.run("run", dev, "--", "sh", "-c", 'echo "$SEEN_BY_TESTS / $(cat $LETTER)"').stdout

    assert ("base!", "1234") == (opened["more"], opened["pulumiConfig"]["code"])
    assert "from base" in variables
    assert "1234" in one
    assert "from base / dear reader" in ran


def test_errors_are_shown_at_their_place(env: Env) -> None:
    """A definition with an error is not saved, and the excerpt of its source is shown."""
    dev = env.make("dev", "values:\n  a: 1\n")
    file = env.project.file("bad.yaml")
    file.write_text("values:\n  a: ${nope}\n", encoding="utf-8")
    # The command line shows the errors, and ends as if there were none.
    refused = env.run("edit", dev, "--file", str(file), ok=None)

    assert 'unknown property "nope"' in refused.text
    assert "a: 1" in env.run("get", dev, "--definition").stdout
    if has(env.project.cli, Feature.ENVIRONMENT_EXCERPTS):
        assert "${nope}" in refused.text


def test_revisions(env: Env) -> None:
    """Revisions are listed, tagged, compared, brought back and retracted."""
    dev = env.make("dev", "values:\n  a: 1\n")
    env.run("set", dev, "a", "2")
    env.run("version tag", f"{dev}@stable", "@2")
    history = env.run("version history", dev).stdout
    tags = env.run("version tag ls", dev).stdout
    older = env.run("open", f"{dev}@stable", "a").stdout
    differs = env.run("diff", f"{dev}@2", dev, ok=None).text
    env.run("version rollback", f"{dev}@2")
    newest = env.run("open", dev, "a").stdout
    env.run("version retract", f"{dev}@3", "--reason", "typing error")
    gone = env.run("open", f"{dev}@3", ok=False).text
    env.run("version tag rm", f"{dev}@stable")

    assert "revision 3" in history
    assert "stable" in tags
    assert "latest" in tags
    assert ("1", "1") == (older.strip(), newest.strip())
    assert "a" in differs
    assert "retracted" in gone
    assert "Revision 4" in env.run("version", f"{dev}@latest").stdout


def test_tags_and_copies(env: Env) -> None:
    """Tags are set, renamed and removed; a copy has the secrets of its source."""
    dev = env.make("dev", VALUES)
    env.run("tag", dev, "team", "web")
    env.run("tag mv", dev, "team", "squad")
    listed = env.run("tag ls", dev).stdout
    one = env.run("tag get", dev, "squad").stdout
    env.run("tag rm", dev, "squad")
    env.run("clone", dev, f"{env.project.name}/copy")
    copied = env.run("open", env.name("copy"), "pulumiConfig.code").stdout
    env.run("rm", "--yes", dev)
    gone = env.run("get", dev, ok=False).text

    assert "squad" in listed
    assert "web" in one
    assert "1234" in copied
    assert "not found" in gone.lower()


def test_deletion_protection(env: Env) -> None:
    """A protected environment stays until the protection is taken off."""
    require(env.project.cli, Feature.ENVIRONMENT_SETTINGS)
    dev = env.make("dev", VALUES)
    env.run("settings set", dev, "deletion-protected", "true")
    protected = env.run("settings get", dev, "deletion-protected").stdout
    refused = env.run("rm", "--yes", dev, ok=False).text
    env.run("settings set", dev, "deletion-protected", "false")
    env.run("rm", "--yes", dev)
    gone = env.run("get", dev, ok=False).text

    assert "true" in protected
    assert "protect" in refused
    assert "not found" in gone.lower()


def test_referrers(env: Env) -> None:
    """The environments that import one are listed."""
    require(env.project.cli, Feature.REFERRERS)
    base = env.make("base", "values: {a: 1}\n")
    env.make("dev", f"imports: [{env.project.name}/base]\n")

    assert "dev" in env.run("referrer list", base).stdout


def test_a_stack_uses_environments(env: Env) -> None:
    """`up` has configuration, secrets, variables and files of what the stack's file lists."""
    project = env.project
    env.make("base", VALUES)
    env.make("extra", "values: {pulumiConfig: {door: wood}}\n")
    project.write(
        {"seen": stash("${color}"), "hidden": stash("${code}"), "more": stash("${door}")},
        configuration={
            "color": {"type": "string"},
            "code": {"type": "string", "secret": True},
            "door": {"type": "string"},
        },
    )
    project.init()
    project.run("config", "env", "add", "--yes", f"{project.name}/base")
    project.run("config", "env", "add", "--yes", f"{project.name}/extra")
    listed = project.run("config", "env", "ls").stdout
    config = project.run("config").stdout
    project.run(*UP)
    state = project.export()
    if has(project.cli, Feature.REFERRERS):
        assert f"{project.name}/dev@1" in env.run("referrer list", env.name("base")).stdout
    project.run("config", "env", "rm", "--yes", f"{project.name}/extra")
    lacking = project.run("preview", ok=False).text

    assert "base" in listed
    assert "extra" in listed
    assert "blue" in config
    assert "1234" not in config
    assert "blue" == state.named("seen")["inputs"]["input"]
    assert "wood" == state.named("more")["inputs"]["input"]
    assert is_encrypted(state.named("hidden")["inputs"]["input"])
    assert "door" in lacking


def test_secrets_rotate(env: Env) -> None:
    """`env rotate` saves a new secret, of all rotators or of one, and the definition keeps its comments."""
    text = "# kept\nvalues:\n  a:\n    fn::rotate::password: {inputs: {length: 20}}\n  b:\n    fn::rotate::passphrase: {inputs: {}}\n"
    name = env.make("rotated", text)
    unrotated = env.run("open", name, ok=None)
    env.run("rotate", name)
    first = json.loads(env.run("open", name, "--format", "json").stdout)
    env.run("rotate", name, "a")
    second = json.loads(env.run("open", name, "--format", "json").stdout)

    assert "pulumi env rotate" in unrotated.text
    assert 20 == len(first["a"]["current"])
    assert first["a"]["current"] == second["a"]["previous"] != second["a"]["current"]
    assert first["b"] == second["b"]
    assert "# kept" in env.run("get", name, "--definition").stdout


def test_providers_open(env: Env) -> None:
    """A login and the claims of a token are opened; one that is not available says so."""
    claims = {"fn::open::debug-oidc-claims": {"audiencePrefix": "aws"}}
    login = {"fn::open::aws-login": {"static": {"accessKeyId": "AKIA", "secretAccessKey": {"fn::secret": "hidden-key"}}}}
    name = env.make("logins", json.dumps({"values": {"claims": claims, "aws": login}}))
    lacking = env.make(
        "lacking", "values: {a: {fn::open::1password-secrets: {login: {serviceAccountToken: x}, get: {a: {ref: 'op://a/b'}}}}}"
    )
    opened = json.loads(env.run("open", name, "--format", "json").stdout)

    assert f"aws:{env.org}" == opened["claims"]["aud"]
    assert opened["claims"]["sub"].endswith(f"env:{env.project.name}/logins")
    assert "hidden-key" == opened["aws"]["secretAccessKey"]
    assert "hidden-key" not in env.run("get", name).stdout
    assert "not available" in env.run("open", lacking, ok=None).text


def test_a_stack_names_what_is_wrong(env: Env) -> None:
    """An environment that does not exist stops an update with its name."""
    project = env.project
    project.init()
    stack_file: Path = project.file("Pulumi.dev.yaml")
    stack_file.write_text(f"environment:\n  - {project.name}/missing\n", encoding="utf-8")

    assert "missing" in project.run(*UP, ok=False).text


def test_configuration_moves_into_an_environment(env: Env) -> None:
    """`config env init` makes an environment of the stack's configuration, and the stack uses it."""
    project = env.project
    project.init()
    project.run("config", "set", "color", "blue")
    project.run("config", "set", "--secret", "code", "1234")
    project.run("config", "env", "init", "--yes", "--env", f"{project.name}/made")
    opened = json.loads(env.run("open", env.name("made"), "--format", "json").stdout)

    assert {"blue", "1234"} == {str(value) for value in opened["pulumiConfig"].values()}


def test_a_stack_keeps_its_configuration_in_an_environment(env: Env) -> None:
    """`stack init --remote-config` makes the environment; what is set there is the stack's configuration."""
    project = env.project
    project.write({"seen": stash("${color}")}, configuration={"color": {"type": "string"}})
    project.init("dev", "--remote-config")
    env.run("set", env.name("dev"), "pulumiConfig.color", "blue")
    shown = project.run("config").stdout
    project.run(*UP)

    assert "blue" in shown
    assert "blue" == project.export().named("seen")["inputs"]["input"]


@pytest.mark.newest_cli_only
def test_changes_are_proposed_approved_and_applied(env: Env) -> None:
    """Behind a gate a change is a draft, which is approved and applied; opening is requested."""
    dev = env.make("dev", "# kept\nvalues:\n    a: 1\n")
    server, name = env.project.cli.server, f"{env.project.name}/dev"
    for action in ("update", "open"):
        call(server, f"/api/change-gates/{server.org}", gate(name, action))
    refused = env.run("set", dev, "a", "2", ok=False).text
    env.run("set", dev, "a", "2", "--draft", "--reason", "more of a")
    (request,) = json.loads(env.run("change-request list", "--env", dev, "--output", "json").stdout)["changeRequests"]
    request_id = request["id"]
    env.run("set", dev, "a", "3", f"--draft={request_id}")
    differs = env.run("change-request diff", request_id, "--organization", env.org).stdout
    early = env.run("change-request apply", request_id, "--yes", "--organization", env.org, ok=False).text
    env.run("change-request comment", request_id, "-m", "why three?", "--organization", env.org)
    env.run("change-request approve", request_id, "--yes", "-m", "fine", "--organization", env.org)
    shown = env.run("change-request get", request_id, "--organization", env.org).stdout
    env.run("change-request apply", request_id, "--yes", "--organization", env.org)
    log = env.run("change-request log", request_id, "--organization", env.org).stdout
    closed = env.run("open", dev, ok=False).text
    opening = json.loads(env.run("open-request", dev, "--reason", "incident", "--output", "json").stdout)["changeRequestId"]
    call(server, f"/api/change-requests/{server.org}/{opening}/approve", {"revisionNumber": 0})
    call(server, f"/api/change-requests/{server.org}/{opening}/apply", {})

    assert "--draft" in refused
    assert "a: 3" in differs
    assert "needs more approvals" in early
    assert "more of a" in shown
    assert "1 of 1 approvals" in shown
    assert "applied the change request" in log
    assert "submitted the change request for approval" in log
    assert "open-request" in closed
    assert "3" == env.run("open", dev, "a").stdout.strip()
    assert "# kept" in env.run("get", dev, "--definition").stdout


@pytest.mark.newest_cli_only
def test_drafts_are_rebased(env: Env) -> None:
    """A draft is opened before it is saved; after another change it is rebased, and what conflicts is shown."""
    dev = env.make("dev", "values:\n    a: 1\n    b: 1\n    c: 1\n")
    env.run("set", dev, "c", "2", "--draft")
    (request,) = json.loads(env.run("change-request list", "--env", dev, "--output", "json").stdout)["changeRequests"]
    request_id = request["id"]
    opened = env.run("open", dev, "c", f"--draft={request_id}").stdout
    env.run("set", dev, "a", "7")
    env.run("change-request rebase", request_id, "--organization", env.org)
    env.run("set", dev, "c", "9")
    conflicts = env.run("change-request rebase", request_id, "--organization", env.org, ok=False).text
    env.run("change-request close", request_id, "-m", "no need", "--organization", env.org)

    assert "2" == opened.strip()
    assert "1 conflict(s)" in conflicts
    assert "c: 9" in conflicts
    assert "No change requests" in env.run("change-request list", "--env", dev).text


def gate(name: str, action: str) -> dict[str, object]:
    """Return what creates a gate that anyone who may write the environment satisfies, also for themselves."""
    rule = {
        "ruleType": "approval_required",
        "numApprovalsRequired": 1,
        "allowSelfApproval": True,
        "requireReapprovalOnChange": True,
        "eligibleApprovers": [{"eligibilityType": "has_permission_on_target", "permission": "environment:write"}],
    }
    target = {"entityType": "environment", "qualifiedName": name, "actionTypes": [action]}
    return {"name": f"{action} {name}", "enabled": True, "rule": rule, "target": target}
