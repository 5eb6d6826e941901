"""Editing the state by hand: export, import, and the `pulumi state` commands."""

from __future__ import annotations

import json

from tests.e2e.project import UP, Json, Project, ProjectFactory, chain, part, secret, stash


def _without_ciphertexts(value: Json) -> Json:
    """The CLI encrypts every secret anew when it imports a state."""
    if isinstance(value, dict):
        return {key: "" if key == "ciphertext" else _without_ciphertexts(member) for key, member in value.items()}
    return [_without_ciphertexts(member) for member in value] if isinstance(value, list) else value


def test_export_and_import(project: Project) -> None:
    """An exported state can be edited and imported again, which is a version of its own; its secrets stay readable."""
    project.write({"a": part(value="a"), "vault": stash(secret("1234"))}, {"code": "${vault.output}"})
    project.init()
    project.run(*UP)
    project.run("stack", "export", "--file", "state.json")
    document = json.loads(project.file("state.json").read_text(encoding="utf-8"))
    document["deployment"]["resources"][-1]["protect"] = True
    project.file("state.json").write_text(json.dumps(document), encoding="utf-8")

    imported = project.run("stack", "import", "--file", "state.json")
    state = project.export()
    code = project.run("stack", "output", "code", "--show-secrets")
    again = project.run(*UP)
    kinds = [entry["kind"] for entry in project.history()]

    assert "Import complete" in imported.text
    assert _without_ciphertexts(document["deployment"]["resources"]) == _without_ciphertexts(state.resources)
    assert code.stdout.strip() == "1234"
    assert again.changes() == {"unchanged": 3}
    assert kinds == ["update", "import", "update"]


def test_import_of_a_broken_state(project: Project) -> None:
    """A state of another stack is refused; with `--force` it is taken."""
    project.write({"a": part(value="a")})
    project.init()
    project.run(*UP)
    text = project.run("stack", "export").stdout.replace("urn:pulumi:dev::", "urn:pulumi:elsewhere::")
    project.file("state.json").write_text(text, encoding="utf-8")

    refused = project.run("stack", "import", "--file", "state.json", ok=False)
    kept = project.export()
    project.run("stack", "import", "--file", "state.json", "--force")
    forced = project.export()

    assert "does not belong to" in refused.text or "importing this file could be dangerous" in refused.text
    assert [project.urn("a")] == [r["urn"] for r in kept.resources if r["urn"].endswith("::a")]
    assert [project.urn("a", stack="elsewhere")] == [r["urn"] for r in forced.resources if r["urn"].endswith("::a")]


def test_delete_and_unprotect(project: Project) -> None:
    """A protected resource, or one that others need, is only forgotten when told so twice."""
    project.write({"a": part(value="a", protect=True), "b": part(value="b", after="a")})
    project.init()
    project.run(*UP)

    protected = project.run("state", "delete", "--yes", project.urn("a"), ok=False)
    unprotected = project.run("state", "unprotect", "--yes", project.urn("a"))
    needed = project.run("state", "delete", "--yes", project.urn("a"), ok=False)
    deleted = project.run("state", "delete", "--yes", project.urn("b"))
    after = project.export()
    project.run("state", "protect", "--yes", project.urn("a"))
    again = project.export()

    assert "can't be safely deleted because it is protected" in protected.text
    assert "1 resources unprotected" in unprotected.text
    assert "can't be safely deleted because the following resources depend on it" in needed.text
    assert "Resource deleted" in deleted.text
    assert after.names == ["a"]
    assert not after.named("a").get("protect")
    assert again.named("a")["protect"] is True


def test_rename_of_a_resource(project: Project) -> None:
    """A renamed resource keeps its identity, and what depends on it follows."""
    project.write({"a": part(value="a"), "b": part(value="b", after="a")})
    project.init()
    project.run(*UP)
    identity = project.export().named("a")["id"]

    renamed = project.run("state", "rename", "--yes", project.urn("a"), "z")
    state = project.export()
    project.write({"z": part(value="a"), "b": part(value="b", after="z")})
    up = project.run(*UP)

    assert "Resource renamed" in renamed.text
    assert state.names == ["b", "z"]
    assert identity == state.named("z")["id"]
    assert [project.urn("z")] == [urn for urn in state.named("b")["dependencies"] if urn.endswith("::z")]
    assert up.changes() == {"unchanged": 3}


def test_move_to_another_stack(make_project: ProjectFactory) -> None:
    """`state move` takes resources and secrets from one stack to another, and both go on."""
    source, target = make_project(), make_project()
    source.write({"a": part(value="a"), "vault": stash(secret("1234"))})
    target.write({"b": part(value="b")})
    for project in (source, target):
        project.init()
        project.run(*UP)

    moved = source.run(
        "state",
        "move",
        "--yes",
        "--source",
        source.stack(),
        "--dest",
        target.stack(),
        source.urn("a"),
        source.urn("vault", "pulumi:index:Stash"),
    )
    source.write({})
    target.write({"a": part(value="a"), "b": part(value="b"), "vault": stash(secret("1234"))})
    ups = [project.run(*UP) for project in (source, target)]

    assert "moved" in moved.text.lower()
    assert source.export().names == []
    assert target.export().names == ["a", "b", "vault"]
    assert [up.changes() for up in ups] == [{"unchanged": 1}, {"unchanged": 4}]


def test_repair(project: Project) -> None:
    """A state with resources in the wrong order is refused, kept, and put right by `state repair`."""
    project.write(chain("abc"))
    project.init()
    project.run(*UP)
    document = project.export().document
    document["deployment"]["resources"].reverse()
    project.file("state.json").write_text(json.dumps(document), encoding="utf-8")
    project.run("stack", "import", "--file", "state.json", "--force")

    # Without a preview before it the CLI would start the update, find the state broken and leave without ending it.
    refused = project.run("up", "--yes", ok=False)
    repaired = project.run("state", "repair", "--yes")
    up = project.run(*UP)
    valid = project.run("state", "repair", "--yes")

    assert "snapshot integrity failure" in refused.text
    assert "repaired" in repaired.text.lower()
    assert up.changes() == {"unchanged": 4}
    assert "already valid" in valid.text


def test_taint(project: Project) -> None:
    """A tainted resource is replaced by the next update; taking the mark away prevents it."""
    project.write({"a": part(value="a"), "b": part(value="b")})
    project.init()
    project.run(*UP)
    before = project.export()

    project.run("state", "taint", "--yes", project.urn("a"))
    project.run("state", "taint", "--yes", project.urn("b"))
    tainted = project.export()
    project.run("state", "untaint", "--yes", project.urn("b"))
    project.run(*UP)
    after = project.export()

    assert [tainted.named(name).get("taint") for name in "ab"] == [True, True]
    assert before.named("a")["id"] != after.named("a")["id"]
    assert before.named("b")["id"] == after.named("b")["id"]
    assert not after.named("a").get("taint")
