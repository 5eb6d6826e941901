"""Resources that fail in the middle, vanish or drift behind the stack's back, and are adopted."""

from __future__ import annotations

import json

from tests.e2e.matrix import Feature, has
from tests.e2e.project import DESTROY, PART, REFRESH, UP, Project, chain, part


def test_create_fails_in_the_middle(project: Project) -> None:
    """What was created before the failure is kept; the next update goes on from there."""
    project.write({"a": part(value="a"), "b": part(fail="create", after="a"), "c": part(value="c", after="b")})
    project.init()

    failed = project.run(*UP, ok=False)
    state = project.export()
    (entry,) = project.history()
    project.write(chain("abc"))
    mended = project.run(*UP)

    assert "**creating failed**" in failed.stdout
    assert "create fails, as asked" in failed.stdout
    assert state.names == ["a"]
    assert state.pending == []
    assert (entry["kind"], entry["result"]) == ("update", "failed")
    assert mended.changes() == {"created": 2, "unchanged": 2}
    assert project.export().names == ["a", "b", "c"]


def test_update_and_delete_fail(project: Project) -> None:
    """A failed change leaves the resource as it was; a failed deletion leaves it in the state."""
    project.write({"a": part(value="1"), "b": part(value="1", fail="delete")})
    project.init()
    project.run(*UP)

    project.write({"a": part(value="2", fail="update"), "b": part(value="1", fail="delete")})
    not_updated = project.run(*UP, ok=False)
    kept = project.export().named("a")["inputs"]
    project.write({"a": part(value="1")})
    not_deleted = project.run(*UP, ok=False)
    state = project.export()
    not_destroyed = project.run(*DESTROY, ok=False)
    project.run("state", "delete", "--yes", project.urn("b"))
    project.run(*DESTROY)

    assert "update fails, as asked" in not_updated.text
    assert {key: value for key, value in kept.items() if not key.startswith("__")} == {"value": "1"}
    assert "delete fails, as asked" in not_deleted.text
    assert state.names == ["a", "b"]
    assert state.pending == []
    assert "delete fails, as asked" in not_destroyed.text
    assert project.export().resources == []


def test_refresh_finds_changes(project: Project) -> None:
    """`refresh` takes what vanished out of the state and what drifted into it; `up` mends both."""
    gone, drift = project.file("gone"), project.file("drift")
    program = {"a": part(gone=str(gone)), "b": part(value="b", drift=str(drift)), "c": part(value="c", after="a")}
    project.write(program)
    project.init()
    project.run(*UP)
    gone.touch()
    drift.write_text("rust", encoding="utf-8")

    preview = project.run("refresh", "--preview-only")
    refreshed = project.run(*REFRESH)
    state = project.export()
    gone.unlink()
    drift.unlink()
    mended = project.run(*UP)
    whole = project.export()

    assert "1 to update" in preview.stdout
    assert "1 to delete" in preview.stdout
    assert refreshed.changes() == {"updated": 1, "deleted": 1, "unchanged": 2}
    assert state.names == ["b", "c"]
    assert state.named("b")["outputs"]["value"] == "rust"
    assert (state.named("c").get("dependencies") or []) == []
    assert mended.changes()["created"] == 1
    assert mended.changes()["updated"] == 1
    assert whole.names == ["a", "b", "c"]
    assert whole.named("b")["outputs"]["value"] == "b"


def test_up_with_refresh_finds_changes(project: Project) -> None:
    """`up --refresh` sees that the first of a chain is gone and makes it again, in one update."""
    gone = project.file("gone")
    project.write({"a": part(gone=str(gone)), "b": part(value="b", after="a"), "c": part(value="c", after="b")})
    project.init()
    project.run(*UP)
    before = project.export()
    gone.touch()

    up = project.run(*UP, "--refresh")
    state = project.export()
    history = project.history()

    assert up.changes()["created"] == 1
    assert state.names == ["a", "b", "c"]
    assert state.pending == []
    assert before.named("a")["id"] != state.named("a")["id"]
    assert before.named("c")["id"] == state.named("c")["id"]
    assert [entry["kind"] for entry in history] == ["update", "update"]


def test_import_of_resources(project: Project) -> None:
    """Resources that exist elsewhere are adopted by `pulumi import`, one by one or from a file."""
    project.write({})
    project.init()
    listed = {"resources": [{"type": PART, "name": name, "id": f"part-{name}"} for name in ("y", "z")]}
    project.file("import.json").write_text(json.dumps(listed), encoding="utf-8")

    one = project.run("import", PART, "x", "part-x", "--yes")
    many = project.run("import", "--file", "import.json", "--yes", "--protect=false")
    unknown = project.run("import", PART, "w", "nothing", "--yes", ok=False)
    state = project.export()
    project.write({"x": part(value="x", protect=True), "y": part(value="y"), "z": part(value="z")})
    up = project.run(*UP)
    protected = project.run(*DESTROY, ok=False)

    assert one.changes()["imported"] == 1
    assert many.changes()["imported"] == 2
    assert "does not exist" in unknown.text
    assert state.names == ["x", "y", "z"]
    assert state.named("y")["id"] == "part-y"
    assert state.named("x")["protect"] is True
    assert "created" not in up.changes()
    assert "replaced" not in up.changes()
    assert "protected" in protected.text
    assert "x" in project.export().names
    # Older CLIs create an import exactly as they create an update, so the server cannot tell them apart.
    kinds = {"destroy", "update", *(["resource-import"] if has(project.cli, Feature.BEGIN_UPDATE) else [])}
    assert {entry["kind"] for entry in project.history()} == kinds


def test_targets(project: Project) -> None:
    """`--target` changes and removes only what it names."""
    project.write({"a": part(value="1"), "b": part(value="1")})
    project.init()
    project.run(*UP)
    project.write({"a": part(value="2"), "b": part(value="2")})

    project.run(*UP, "--target", project.urn("a"))
    changed = project.export()
    project.run(*DESTROY, "--target", project.urn("b"))
    removed = project.export()

    assert tuple(changed.named(name)["outputs"]["value"] for name in "ab") == ("2", "1")
    assert removed.names == ["a"]
