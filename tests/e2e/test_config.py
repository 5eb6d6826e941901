"""Configuration: plain and secret values, many at once, in another file, and as a program sees it."""

from __future__ import annotations

import json

from tests.e2e.project import UP, Project, is_encrypted, stash

SEEN = {"seen": stash("${color}"), "hidden": stash("${code}")}
DECLARED = {"color": {"type": "string"}, "code": {"type": "string", "secret": True}}


def test_config_of_a_stack(project: Project) -> None:
    """Values are set, read, listed and removed; secret ones are encrypted by the server and shown only on request."""
    project.init()

    project.run("config", "set", "color", "blue")
    project.run("config", "set", "--secret", "code", "1234")
    project.run("config", "set-all", "--plaintext", "size=7", "--secret", "pin=äöü €")
    project.run("config", "set", "--path", "door.hinges[0]", "brass")
    blinded = project.run("config")
    shown = project.run("config", "--show-secrets", "--json").json()
    kept = project.file("Pulumi.dev.yaml").read_text(encoding="utf-8")
    one = project.run("config", "get", "code")
    missing = project.run("config", "get", "nope", ok=False)
    project.run("config", "rm", "size")
    remaining = project.run("config", "--json").json()

    assert "blue" in blinded.stdout
    assert "[secret]" in blinded.stdout
    assert "1234" not in blinded.stdout
    assert {"blue", "1234", "7", "äöü €"} <= {entry["value"] for entry in shown.values()}
    assert shown[f"{project.name}:door"]["objectValue"] == {"hinges": ["brass"]}
    assert kept.count("secure:") == 2
    assert "1234" not in kept
    assert "äöü" not in kept
    assert one.stdout.strip() == "1234"
    assert "configuration key 'nope' not found" in missing.text
    assert f"{project.name}:size" not in remaining
    assert remaining[f"{project.name}:code"] == {"secret": True}


def test_config_moves_between_files_and_stacks(project: Project) -> None:
    """JSON of one stack fills another; secrets are copied by meaning; `--config-file` names a file of another place."""
    other = str(project.file("elsewhere.yaml"))
    project.init("dev")
    project.run("config", "set-all", "--plaintext", "color=blue", "--secret", "code=1234")
    values = project.run("config", "--json", "--show-secrets").stdout
    project.init("prod")
    project.run("config", "set-all", "--json", values)
    project.run("stack", "init", project.stack("copy"), "--copy-config-from", project.stack("dev"))
    project.run("config", "set", "--secret", "code", "5678", "--config-file", other)

    codes = {
        name: project.run("config", "get", "code", "--stack", project.stack(name)).stdout.strip() for name in ("prod", "copy")
    }
    elsewhere = project.run("config", "get", "code", "--config-file", other)
    project.write(SEEN, configuration=DECLARED)
    project.run("config", "set", "color", "red", "--config-file", other)
    project.run(*UP, "--config-file", other)
    state = project.export()

    assert codes == {"prod": "1234", "copy": "1234"}
    assert elsewhere.stdout.strip() == "5678"
    assert state.named("seen")["outputs"]["output"] == "red"
    assert is_encrypted(state.named("hidden")["outputs"]["output"])


def test_config_comes_back_from_the_last_update(project: Project) -> None:
    """`config refresh` restores the file of a stack from what the server keeps of the last update."""
    project.init()
    project.run("config", "set-all", "--plaintext", "color=blue", "--secret", "code=1234")
    project.write(SEEN, configuration=DECLARED)
    project.run(*UP)
    kept = json.dumps(project.run("config", "--json", "--show-secrets").json(), sort_keys=True)
    project.file("Pulumi.dev.yaml").unlink()

    project.run("config", "refresh")
    restored = json.dumps(project.run("config", "--json", "--show-secrets").json(), sort_keys=True)

    assert kept == restored
