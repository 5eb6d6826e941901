"""Changing what protects the secrets of a stack, without losing one."""

from __future__ import annotations

from tests.e2e.cli import PASSPHRASE
from tests.e2e.project import UP, Project, is_encrypted, secret, stash


def _secrets_of(project: Project) -> tuple[str, str]:
    """The secret in the configuration, and the one in the state."""
    pin = project.run("config", "get", "pin").stdout.strip()
    return pin, project.run("stack", "output", "code", "--show-secrets").stdout.strip()


def test_change_of_the_secrets_provider(project: Project) -> None:
    """From the service to a passphrase and back: configuration and state stay readable, and encrypted."""
    project.write({"vault": stash(secret("1234"))}, {"code": "${vault.output}"})
    project.init()
    project.run("config", "set", "--secret", "pin", "4711")
    project.run(*UP)
    service = project.export()

    # The new passphrase is typed, whatever the environment holds.
    project.run("stack", "change-secrets-provider", "passphrase", typed=PASSPHRASE)
    passphrase, by_passphrase = project.export(), _secrets_of(project)
    up = project.run(*UP)
    project.run("stack", "change-secrets-provider", "default")
    back, by_service = project.export(), _secrets_of(project)
    up_again = project.run(*UP)
    without = project.run("stack", "output", "code", "--show-secrets", env={"PULUMI_CONFIG_PASSPHRASE": None})

    assert [s.secrets_provider["type"] for s in (service, passphrase, back)] == ["service", "passphrase", "service"]
    assert ("4711", "1234") == by_passphrase == by_service
    assert all(is_encrypted(state.outputs["code"]) for state in (service, passphrase, back))
    assert len({state.outputs["code"]["ciphertext"] for state in (service, passphrase, back)}) == 3
    assert [up.changes(), up_again.changes()] == [{"unchanged": 2}, {"unchanged": 2}]
    assert without.stdout.strip() == "1234"
    assert "encryptionsalt" not in project.file("Pulumi.dev.yaml").read_text(encoding="utf-8")
