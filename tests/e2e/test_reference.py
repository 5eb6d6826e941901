"""One stack reads the outputs of another."""

from __future__ import annotations

from tests.e2e.project import UP, Project, ProjectFactory, is_encrypted, part, secret, stash

REFERENCE = "pulumi:pulumi:StackReference"
OUTPUTS = {"color": "${note.value}", "code": "${vault.output}"}


def _reader(stack: str) -> dict[str, object]:
    return {
        "other": {"type": REFERENCE, "properties": {"name": stack}},
        "seen": part(value='${other.outputs["color"]}'),
        "hidden": stash('${other.outputs["code"]}'),
    }


def _shop(color: str) -> dict[str, object]:
    return {"note": part(value=color), "vault": stash(secret("1234"))}


def test_reference_between_stacks(make_project: ProjectFactory) -> None:
    """A reference gives the other stack's newest outputs, and a secret stays one."""
    writer, reader = make_project(), make_project()
    writer.write(_shop("blue"), OUTPUTS)
    reader.write(_reader(writer.stack()), {"color": "${seen.value}", "code": "${hidden.output}"})
    for project in (writer, reader):
        project.init()
        project.run(*UP)
    first, code = reader.export(), reader.run("stack", "output", "code", "--show-secrets")
    writer.write(_shop("red"), OUTPUTS)
    writer.run(*UP)

    changed = reader.run(*UP)

    assert first.outputs["color"] == "blue"
    assert is_encrypted(first.outputs["code"])
    assert code.stdout.strip() == "1234"
    assert changed.changes()["updated"] >= 1
    assert reader.export().outputs["color"] == "red"


def test_reference_to_nothing(project: Project) -> None:
    """A reference to a stack that does not exist fails with its name."""
    project.write({"other": {"type": REFERENCE, "properties": {"name": project.stack("nope")}}})
    project.init()

    failed = project.run(*UP, ok=False)

    assert "unknown stack" in failed.text
    assert project.stack("nope") in failed.text


def test_reference_to_an_empty_stack(make_project: ProjectFactory) -> None:
    """A stack that was never updated has no outputs, which is no error by itself."""
    writer, reader = make_project(), make_project()
    writer.init()
    reader.write({"other": {"type": REFERENCE, "properties": {"name": writer.stack()}}})
    reader.init()

    up = reader.run(*UP)

    assert up.code == 0
