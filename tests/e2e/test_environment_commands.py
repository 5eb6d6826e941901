"""Schedules, webhooks and logins of environments from the command line."""

from __future__ import annotations

import json

from tests.e2e.environments import Env
from tests.e2e.matrix import Feature, require

# A call of this address fails at once.
URL = "https://127.0.0.1:9/hook"


def test_schedules(env: Env) -> None:
    """A schedule is made once, listed, read, changed and removed; an environment has one, as the command has it."""
    require(env.project.cli, Feature.ENVIRONMENT_SCHEDULES)
    name = env.make("rotated", "values: {a: {fn::rotate::password: {inputs: {}}}}\n")
    env.run("schedule new", name, "--cron", "0 5 * * 1")
    (made,) = json.loads(env.run("schedule list", name, "--utc", "--output", "json").stdout)["schedules"]
    second = env.run("schedule new", name, "--cron", "0 6 * * 1", ok=False)
    frequent = env.run("schedule edit", name, made["id"], "--cron", "* * * * *", ok=False)
    env.run("schedule edit", name, made["id"], "--once", "2999-01-01T00:00:00Z")
    changed = env.run("schedule get", name, made["id"], "--utc").stdout
    history = json.loads(env.run("schedule history", name, made["id"], "--output", "json").stdout)
    env.run("schedule remove", "--yes", name, made["id"])

    assert (made["schedule"], made["kind"]) == ("0 5 * * 1", "environment_rotation")
    assert "T05:00:00Z" in made["nextExecution"]
    assert "already has a schedule" in second.text
    assert "more than once a day" in frequent.text
    assert "2999-01-01" in changed
    assert history == {"events": []}
    assert json.loads(env.run("schedule list", name, "--output", "json").stdout) == {"schedules": []}


def test_webhooks(env: Env) -> None:
    """A webhook is made, listed, read, changed, pinged and removed; its deliveries are listed."""
    require(env.project.cli, Feature.ENVIRONMENT_SCHEDULES)
    name = env.make("told")
    env.run("webhook new", name, "Announce", "--url", URL, "--event", "environment_tag_created", "--secret", "hush")
    (made,) = json.loads(env.run("webhook list", name, "--output", "json").stdout)["webhooks"]
    env.run("webhook edit", name, made["name"], "--display-name", "Told", "--add-event", "imported_environment_changed")
    changed = env.run("webhook get", name, made["name"]).stdout
    pinged = env.run("webhook ping", name, made["name"], ok=None)
    deliveries = env.run("webhook delivery list", name, made["name"]).stdout
    env.run("webhook rm", name, made["name"])

    assert "Told" in changed
    assert "imported_environment_changed" in changed
    assert "hush" not in changed
    assert "ping" in pinged.text.lower()
    assert "ping" in deliveries
    assert made["name"] not in env.run("webhook list", name).stdout


def test_logins(env: Env) -> None:
    """`env provider` writes logins of the clouds into a definition, which it makes if it has to."""
    require(env.project.cli, Feature.ENVIRONMENT_SCHEDULES)
    name = env.name("logins")
    env.run("provider aws-login static", name, "AKIA", "hidden-key", "--create", "--export-env-vars")
    env.run("provider azure-login static", name, "tenant", "subscription", "client", "hidden-secret")
    env.run("provider gcp-login static", name, "123", "hidden-token")
    env.run("provider aws-login oidc", name, "arn:aws:iam::123456789012:role/shop", "shop", "--path", "aws.oidc")
    env.run("provider azure-login oidc", name, "tenant", "subscription", "client-of-oidc", "--path", "azure.oidc")
    pool = ("--workload-pool-id", "pool-of-oidc", "--provider-id", "stackhold", "--service-account", "shop@example.com")
    env.run("provider gcp-login oidc", name, "123", *pool, "--path", "gcp.oidc")
    text = env.run("get", name, "--definition").stdout

    assert all(provider in text for provider in ("aws-login", "azure-login", "gcp-login", "arn:aws:iam"))
    assert all(option in text for option in ("client-of-oidc", "pool-of-oidc"))
    assert "hidden" not in text
    assert "AWS_ACCESS_KEY_ID" in text
