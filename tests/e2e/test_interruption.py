"""Updates that are broken off: by Ctrl-C, by `pulumi cancel`, or by the end of the machine they run on."""

from __future__ import annotations

import pytest

from tests.e2e.project import UP, Project, part

CONFLICT = "[409] Conflict: Another update is currently in progress."


@pytest.fixture
def held_project(project: Project) -> Project:
    """A stack whose next `up` makes `a`, waits while it makes `b`, and would then make `c`."""
    project.file("hold").touch()
    hold = str(project.file("hold"))
    project.write({"a": part(value="a"), "b": part(hold=hold, after="a"), "c": part(value="c", after="b")})
    project.init()
    return project


def test_ctrl_c(held_project: Project) -> None:
    """Ctrl-C lets the running operation end, keeps what is done and begins nothing new."""
    project = held_project
    with project.start(*UP) as up:
        project.held(up, "hold")
        up.interrupt()
        up.shows("^C received; cancelling")
        project.file("hold").unlink()
        interrupted = up.wait()
    state = project.export()
    (entry,) = project.history()
    mended = project.run(*UP)

    assert interrupted.code != 0
    assert "cancell" in interrupted.text or "canceled" in interrupted.text
    assert state.names == ["a", "b"]
    assert state.pending == []
    assert entry["result"] == "failed"
    assert project.export().names == ["a", "b", "c"]
    assert mended.changes()["created"] == 1


def test_ctrl_c_twice(held_project: Project) -> None:
    """A second Ctrl-C ends at once; the operation that ran is pending, and the stack is free for the next update."""
    project = held_project
    with project.start(*UP) as up:
        project.held(up, "hold")
        up.interrupt()
        up.shows("^C received; cancelling")
        up.interrupt()
        interrupted = up.wait()
        project.file("hold").unlink()
    state = project.export()
    refreshed = project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    project.run(*UP)

    assert interrupted.code != 0
    assert state.names == ["a"]
    assert state.pending == [("creating", "b")]
    assert refreshed.code == 0
    assert project.export().names == ["a", "b", "c"]


def test_cancel(held_project: Project) -> None:
    """`pulumi cancel` frees the stack, keeps what was saved, and the update that ran cannot save any more."""
    project = held_project
    with project.start(*UP) as up:
        project.held(up, "hold")
        cancelled = project.run("cancel", "--yes")
        state = project.export()
        project.file("hold").unlink()
        lost = up.wait()
    after = project.export()
    pending = project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    project.run(*UP)

    assert "has been canceled" in cancelled.text
    assert state.names == ["a"]
    assert state.pending == [("creating", "b")]
    assert lost.code != 0
    assert "403" in lost.text
    assert state.document == after.document
    assert pending.code == 0
    assert project.export().names == ["a", "b", "c"]
    assert project.history()[-1]["result"] == "failed"


def test_cancel_with_nothing_to_cancel(project: Project) -> None:
    """Without a running update there is nothing to cancel, and the CLI says so."""
    project.write({"a": part(value="a")})
    project.init()

    never = project.run("cancel", "--yes", ok=False)
    project.run(*UP)
    finished = project.run("cancel", "--yes", ok=False)

    assert "has never been updated" in never.text
    assert "409" in finished.text
    assert project.export().names == ["a"]


def test_machine_dies(held_project: Project) -> None:
    """When the CLI dies the stack stays taken until `pulumi cancel`; then all that was saved is there."""
    project = held_project
    with project.start(*UP) as up:
        project.held(up, "hold")
        up.kill()
    project.file("hold").unlink()

    refused = project.run(*UP, ok=False)
    shown = project.run("stack")
    project.run("cancel", "--yes")
    state = project.export()
    project.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
    project.run(*UP)

    assert CONFLICT in refused.text
    assert "Update in progress" in shown.stdout
    assert state.names == ["a"]
    assert state.pending == [("creating", "b")]
    assert project.export().names == ["a", "b", "c"]


def test_two_updates_at_once(held_project: Project) -> None:
    """The second update of a stack is refused, and told who holds the stack; a preview is not; both leave the first alone."""
    project = held_project
    with project.start(*UP) as up:
        project.held(up, "hold")
        refused = project.run(*UP, ok=False)
        destroying = project.run("destroy", "--yes", "--skip-preview", ok=False)
        preview = project.run("preview")
        removing = project.run("stack", "rm", "--yes", "--force", ok=False)
        project.file("hold").unlink()
        first = up.wait()
    state = project.export()

    assert CONFLICT in refused.text
    user = project.run("whoami").stdout.strip()
    assert f"{user} has been running update of {project.stack()} since" in refused.text
    assert CONFLICT in destroying.text
    assert "to create" in preview.stdout
    assert "409" in removing.text
    assert first.code == 0
    assert first.changes() == {"created": 4}
    assert state.names == ["a", "b", "c"]
    assert [entry["result"] for entry in project.history()] == ["succeeded"]


def test_two_stacks_at_once(held_project: Project) -> None:
    """Updates of two stacks of a project do not touch each other."""
    project = held_project
    with project.start(*UP, "--stack", project.stack("dev")) as up:
        project.held(up, "hold")
        project.write({"z": part(value="z")})
        project.run("stack", "init", project.stack("prod"), "--no-select")
        other = project.run(*UP, "--stack", project.stack("prod"))
        project.file("hold").unlink()
        first = up.wait()

    assert other.changes() == {"created": 2}
    assert first.changes() == {"created": 4}
    assert project.export("--stack", project.stack("prod")).names == ["z"]
    assert project.export("--stack", project.stack("dev")).names == ["a", "b", "c"]
