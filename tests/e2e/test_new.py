"""Beginning: a project from a template, stacks, and where they are listed."""

from __future__ import annotations

import json

from tests.e2e.cli import Cli
from tests.e2e.project import UP, Project, ProjectFactory, State, is_encrypted, secret, stash

TEMPLATE = {
    "name": "${PROJECT}",
    "description": "${DESCRIPTION}",
    "runtime": "yaml",
    "template": {
        "description": "A shop",
        "config": {
            "color": {"description": "The color of the door", "default": "green"},
            "code": {"description": "The code of the door", "default": "1234", "secret": True},
        },
    },
}
PROGRAM = {
    "configuration": {"color": {"type": "string"}, "code": {"type": "string", "secret": True}},
    "resources": {"door": stash("${color}"), "lock": stash("${code}")},
}


def test_new_from_a_local_template(cli: Cli, project: Project) -> None:
    """`pulumi new` with a template of a folder makes project, stack and configuration, which then deploy."""
    template = project.file("templates") / "shop"
    template.mkdir(parents=True)
    (template / "Pulumi.yaml").write_text(json.dumps(TEMPLATE), encoding="utf-8")
    (template / "Main.yaml").write_text(json.dumps(PROGRAM), encoding="utf-8")
    target = project.file("target")

    made = project.run(
        "new",
        str(template),
        "--yes",
        "--dir",
        str(target),
        "--name",
        project.name,
        "--description",
        "My shop",
        "--stack",
        project.stack(),
        "--config",
        "color=blue",
    )
    again = project.run("new", str(template), "--yes", "--dir", str(target), "--name", project.name, ok=False)
    up = cli.run(UP, target)
    tags = cli.run(["stack", "tag", "ls", "--json"], target).json()
    state = State(cli.run(["stack", "export"], target).json())

    assert "Your new project is ready to go!" in made.text
    assert "is not empty" in again.text
    assert up.changes() == {"created": 3}
    assert state.named("door")["outputs"]["output"] == "blue"
    assert is_encrypted(state.named("lock")["outputs"]["output"])
    assert (project.name, "yaml", "My shop") == tuple(tags[f"pulumi:{key}"] for key in ("project", "runtime", "description"))
    assert "1234" not in (target / "Pulumi.dev.yaml").read_text(encoding="utf-8")


def test_stacks_come_and_go(project: Project) -> None:
    """Stacks are made, listed, selected and removed; a second of the same name is refused."""
    project.init("dev")
    twice = project.run("stack", "init", project.stack("dev"), ok=False)
    project.init("prod")
    missing = project.run("stack", "select", project.stack("nope"), ok=False)
    project.run("stack", "select", project.stack("dev"))
    listed = {stack["name"].rpartition("/")[2]: stack for stack in project.run("stack", "ls", "--json").json()}
    shown = project.run("stack")
    removed = project.run("stack", "rm", "--yes", project.stack("prod"))
    remaining = project.run("stack", "ls", "--json").json()

    assert "already exists" in twice.text
    assert "no stack named" in missing.text
    assert "found" in missing.text
    assert {"dev", "prod"} == set(listed)
    assert [listed[name]["current"] for name in ("dev", "prod")] == [True, False]
    assert "Current stack is dev" in shown.stdout
    assert "Current stack resources (0)" in shown.stdout
    assert "has been removed" in removed.stdout
    assert [stack["name"].rpartition("/")[2] for stack in remaining] == ["dev"]


def test_stack_with_a_passphrase(project: Project) -> None:
    """A stack may keep its secrets under a passphrase that the server never learns."""
    project.write({"note": stash(secret("hush"))}, {"told": "${note.output}"})

    project.init("dev", "--secrets-provider", "passphrase")
    empty = project.export()
    project.run("config", "set", "--secret", "code", "1234")
    code = project.run("config", "get", "code")
    project.run(*UP)
    state = project.export()
    told = project.run("stack", "output", "told", "--show-secrets")
    locked = project.run("config", "get", "code", ok=False, env={"PULUMI_CONFIG_PASSPHRASE": "wrong"})

    assert empty.secrets_provider["type"] == "passphrase"
    assert state.secrets_provider["type"] == "passphrase"
    assert "encryptionsalt" in project.file("Pulumi.dev.yaml").read_text(encoding="utf-8")
    assert code.stdout.strip() == "1234"
    assert is_encrypted(state.outputs["told"])
    assert told.stdout.strip() == "hush"
    assert "incorrect passphrase" in locked.text


def test_removal_is_refused_while_there_are_resources(make_project: ProjectFactory) -> None:
    """`stack rm` refuses a stack with resources; `--force` removes it, and `destroy --remove` empties it first."""
    forced, emptied = make_project(), make_project()
    for project in (forced, emptied):
        project.write({"note": stash("x")})
        project.init()
        project.run(*UP)

    refused = forced.run("stack", "rm", "--yes", ok=False)
    still = forced.export()
    removed = forced.run("stack", "rm", "--yes", "--force")
    gone = forced.run("stack", "export", "--stack", forced.stack(), ok=False)
    destroyed = emptied.run("destroy", "--yes", "--remove")

    assert "still has resources; removal rejected" in refused.text
    assert still.names == ["note"]
    assert "has been removed" in removed.stdout
    assert "no stack named" in gone.text
    assert "the history and configuration removed" in destroyed.stdout
    assert "no stack named" in emptied.run("stack", "export", "--stack", emptied.stack(), ok=False).text
