"""Replacement: the new before the old, the old before the new, and what remains when that goes wrong."""

from __future__ import annotations

from tests.e2e.project import DESTROY, UP, Project, part


def test_new_one_before_old_one(project: Project) -> None:
    """A replacement that creates first ends with the new resource only, and what depends on it stays."""
    project.write({"a": part(label="1"), "b": part(value="b", after="a")})
    project.init()
    project.run(*UP)
    before = project.export().named("a")
    project.write({"a": part(label="2"), "b": part(value="b", after="a")})

    replaced = project.run("up", "--yes")
    state = project.export()
    again = project.run(*UP)

    assert replaced.changes() == {"replaced": 1, "unchanged": 2}
    assert replaced.stdout.index("created replacement") < replaced.stdout.index("deleted original")
    assert state.names == ["a", "b"]
    assert state.pending == []
    assert before["id"] != state.named("a")["id"]
    assert again.changes() == {"unchanged": 3}


def test_old_one_before_new_one(project: Project) -> None:
    """A replacement that deletes first also replaces in the right order, and leaves no mark."""
    project.write({"a": part(slot="1"), "b": part(value="b", after="a")})
    project.init()
    project.run(*UP)
    project.write({"a": part(slot="2"), "b": part(value="b", after="a")})

    replaced = project.run("up", "--yes")
    state = project.export()

    text = replaced.stdout.rpartition("Updating (")[2]
    assert replaced.changes()["replaced"] == 1
    assert text.index("deleted original") < text.index("created replacement")
    assert state.names == ["a", "b"]
    assert state.pending == []
    assert not any(r.get("delete") or r.get("pendingReplacement") for r in state.resources)


def test_old_one_cannot_be_deleted(project: Project) -> None:
    """The old resource stays in the state, marked for deletion, until a later update can delete it."""
    project.write({"a": part(label="1", fail="delete"), "b": part(value="b")})
    project.init()
    project.run(*UP)
    project.write({"a": part(label="2"), "b": part(value="b")})

    failed = project.run(*UP, ok=False)
    state = project.export()
    failed_again = project.run(*UP, ok=False)
    still = project.export()

    assert "delete fails, as asked" in failed.text
    assert "delete fails, as asked" in failed_again.text
    assert state.names == ["a", "a (delete)", "b"]
    assert state.pending == []
    assert state.named("a")["outputs"]["label"] == "2"
    assert state.names == still.names
    assert state.named("a")["id"] == still.named("a")["id"]


def test_new_one_cannot_be_created(project: Project) -> None:
    """When the old resource was deleted first and the new one fails, the next update creates it."""
    project.write({"a": part(slot="1"), "b": part(value="b")})
    project.init()
    project.run(*UP)
    project.write({"a": part(slot="2", fail="create"), "b": part(value="b")})

    project.run(*UP, ok=False)
    state = project.export()
    project.write({"a": part(slot="2"), "b": part(value="b")})
    mended = project.run(*UP)
    after = project.export()
    project.run(*DESTROY)

    assert [r["pendingReplacement"] for r in state.resources if "pendingReplacement" in r] == [True]
    assert "errored" not in mended.changes()
    assert after.names == ["a", "b"]
    assert not any("pendingReplacement" in resource for resource in after.resources)
    assert project.export().resources == []
