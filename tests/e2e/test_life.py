"""The everyday life of a stack: preview, update, look, refresh, history, destroy."""

from __future__ import annotations

from tests.e2e.matrix import Feature, require
from tests.e2e.project import DESTROY, REFRESH, UP, Project, is_encrypted, part, secret, stash
from tests.e2e.server import call

OUTPUTS = {"color": "${bolt.value}", "code": "${vault.output}"}


def shop(color: str = "blue") -> dict[str, object]:
    """A program of two plain resources and a secret one."""
    return {"note": stash(color), "vault": stash(secret("1234")), "bolt": part(value=color, after="note")}


def test_life_of_a_stack(project: Project) -> None:
    """What is deployed is what was asked for, nothing changes unasked, and all of it can be taken away again."""
    project.write(shop(), OUTPUTS)
    project.init()

    preview = project.run("preview")
    up = project.run("up", "--yes")
    again = project.run("up", "--yes")
    refreshed = project.run("refresh", "--yes")
    project.write(shop("red"), OUTPUTS)
    planned = project.run("preview", "--json").json()
    changed = project.run("up", "--yes", "--refresh")
    destroyed = project.run("destroy", "--yes")
    left = project.export()

    # The stack itself is the fourth resource.
    assert "4 to create" in preview.stdout
    assert up.changes() == {"created": 4}
    assert again.changes() == {"unchanged": 4}
    assert refreshed.changes() == {"unchanged": 4}
    assert planned["changeSummary"] == {"same": 2, "update": 2}
    assert changed.changes() == {"updated": 2, "unchanged": 2}
    assert destroyed.changes() == {"deleted": 4}
    assert left.resources == []
    assert left.pending == []


def test_outputs_and_versions(project: Project) -> None:
    """Outputs are read with and without their secrets, and every version of the state stays readable."""
    project.write(shop(), OUTPUTS)
    project.init()
    project.run(*UP)
    project.write(shop("red"), OUTPUTS)
    project.run(*UP)

    blinded = project.run("stack", "output")
    shown = project.run("stack", "output", "--json", "--show-secrets").json()
    one = project.run("stack", "output", "code", "--show-secrets")
    state, first = project.export(), project.export("--version", "1")
    plain = project.run("stack", "export", "--show-secrets")
    missing = project.run("stack", "export", "--version", "99", ok=False)

    assert "red" in blinded.stdout
    assert "[secret]" in blinded.stdout
    assert "1234" not in blinded.stdout
    assert shown == {"color": "red", "code": "1234"}
    assert one.stdout.strip() == "1234"
    assert state.secrets_provider["type"] == "service"
    assert is_encrypted(state.outputs["code"])
    assert (state.outputs["color"], first.outputs["color"]) == ("red", "blue")
    assert "1234" in plain.stdout
    assert "99" in missing.text


def test_history(project: Project) -> None:
    """Every update is in the history, newest first, with its message, outcome, counts and configuration."""
    project.write(shop(), OUTPUTS)
    project.init()
    project.run("config", "set-all", "--plaintext", "size=7", "--secret", "pin=4711")
    project.run(*UP, "--message", "open the shop")
    project.run("preview")
    project.write({**shop("red"), "rust": part(fail="create")}, OUTPUTS)
    project.run(*UP, ok=False)
    project.run(*REFRESH)
    project.run(*DESTROY)

    history = project.history()
    shown = project.history("--show-secrets")
    page = project.history("--page-size", "1", "--page", "2")
    table = project.run("stack", "history")

    assert [entry["kind"] for entry in history] == ["destroy", "refresh", "update", "update"]
    assert [entry["result"] for entry in history] == ["succeeded", "succeeded", "failed", "succeeded"]
    assert [entry["version"] for entry in history] == [4, 3, 2, 1]
    assert history[-1]["message"] == "open the shop"
    assert history[-1]["resourceChanges"] == {"create": 4}
    assert history[0]["resourceChanges"] == {"delete": 4}
    assert history[-1]["config"][f"{project.name}:size"] == {"value": "7", "secret": False}
    assert history[-1]["config"][f"{project.name}:pin"] == {"secret": True}
    assert shown[-1]["config"][f"{project.name}:pin"]["value"] == "4711"
    assert [history[1]] == page
    assert table.stdout.index("UpdateKind: destroy") < table.stdout.index("Message: open the shop")


def test_running_update_in_lists(project: Project) -> None:
    """While an update runs, lists say so, for people and for scripts, and its history shows no negative duration."""
    project.write(shop())
    project.init("idle")
    project.init()
    path = f"/api/stacks/{project.stack()}"
    begin = {"updateKind": "update", "program": {"name": project.name, "options": {}}, "journalVersion": 2}
    begun = call(project.cli.server, f"{path}/begin-update", begin)

    running = project.run("stack", "ls", "--all")
    listed = {one["name"].rpartition("/")[2]: one for one in project.run("stack", "ls", "--all", "--json").json()}
    history = project.run("stack", "history")
    call(project.cli.server, f"{path}/update/{begun['updateID']}/cancel", {})
    over = {one["name"].rpartition("/")[2]: one for one in project.run("stack", "ls", "--all", "--json").json()}

    assert "in progress" in running.stdout
    assert (True, False) == (listed["dev"]["updateInProgress"], "lastUpdate" in listed["dev"])
    assert {"lastUpdate", "resourceCount", "updateInProgress"}.isdisjoint(listed["idle"])
    assert "took 0s" in history.stdout
    assert (False, True) == (over["dev"].get("updateInProgress", False), "lastUpdate" in over["dev"])


def test_history_events(project: Project) -> None:
    """The engine events of an update can be read after it."""
    require(project.cli, Feature.HISTORY_EVENTS)
    project.write(shop())
    project.init()
    project.run(*UP)
    update = call(project.cli.server, f"/api/stacks/{project.stack()}/updates/latest")["updateID"]

    events = project.run("stack", "history", "events", update, "--all", "--output", "json")

    assert project.urn("bolt") in events.stdout
    assert "summaryEvent" in events.stdout


def test_tags_and_rename(project: Project) -> None:
    """Tags are set, read and removed; a renamed stack keeps its state, its secrets and its history."""
    project.write(shop(), OUTPUTS)
    project.init()
    project.run("config", "set", "--secret", "pin", "4711")
    project.run(*UP)

    project.run("stack", "tag", "set", "team", "red")
    project.run("stack", "tag", "set", "cost", "low")
    project.run("stack", "tag", "rm", "cost")
    team = project.run("stack", "tag", "get", "team")
    renamed = project.run("stack", "rename", "prod")
    tags = project.run("stack", "tag", "ls", "--json").json()
    old = project.run("stack", "export", "--stack", project.stack("dev"), ok=False)
    state = project.export()
    pin = project.run("config", "get", "pin")
    code = project.run("stack", "output", "code", "--show-secrets")
    up = project.run(*UP)

    assert team.stdout.strip() == "red"
    assert "Renamed" in renamed.text
    assert "prod" in renamed.text
    assert tags["team"] == "red"
    assert "cost" not in tags
    assert project.name == tags["pulumi:project"]
    assert "no stack named" in old.text
    assert {f"urn:pulumi:prod::{project.name}"} == {"::".join(r["urn"].split("::")[:2]) for r in state.resources}
    assert pin.stdout.strip() == "4711"
    assert code.stdout.strip() == "1234"
    assert up.changes() == {"unchanged": 4}


def test_graph(project: Project) -> None:
    """The graph of a stack shows every resource and every dependency."""
    project.write(shop())
    project.init()
    project.run(*UP)

    project.run("stack", "graph", "graph.dot")
    graph = project.file("graph.dot").read_text(encoding="utf-8")

    for resource in project.export().resources:
        assert f'label="{resource["urn"]}"' in graph
    assert "->" in graph
