"""An organization as people have it: projects, stacks with outputs and secrets, updates that worked, failed and run."""

from __future__ import annotations

import time
from base64 import b64encode
from typing import Any

from httpx2 import Client

from tests.stacks.engine.builders import ROOT, make_state
from tests.wire import LiveUpdate, begin, create_stack, import_state

SECRET = "4dabf18193072939515e22adb298388d"
IS_SECRET = "1b47061264138c4ac30d75fd1eb44270"
README = "# Web shop\n\nThe shop of **acme**, on two regions.\n\n| part | who |\n|---|---|\n| web | alice |\n| data | olga |\n\n- [Runbook](https://example.com/runbook)\n"
ENVIRONMENT = {
    "git.head": "4f2c1d9e8b7a6054321fedcba9876543210abcde",
    "git.headName": "refs/heads/main",
    "git.author": "Alice",
    "vcs.kind": "github.com",
    "vcs.owner": "acme",
    "vcs.repo": "shop",
    "ci.system": "GitHub Actions",
    "ci.build.id": "1234",
    "ci.build.url": "https://ci.example.com/builds/1234",
}
KINDS = (
    "aws:s3/bucket:Bucket",
    "aws:lambda/function:Function",
    "aws:iam/role:Role",
    "kubernetes:apps/v1:Deployment",
    "random:index/randomId:RandomId",
)


def urn_of(name: str, kind: str) -> str:
    """The URN of a resource of stack shop/prod."""
    return f"urn:pulumi:prod::shop::{kind}::{name}"


def make_resources(client: Client, stack: str, count: int) -> list[dict[str, Any]]:
    """Resources of several types below two components, with outputs of the stack that are secret in part."""
    sealed = client.post(f"{stack}/encrypt", json={"plaintext": b64encode(b'"s3cret-value"').decode()}).json()["ciphertext"]
    root = ROOT.replace("dev::shop", "prod::shop").replace("shop-dev", "shop-prod")
    outputs = {
        "readme": README,
        "url": "https://shop.example.com",
        "replicas": 3,
        "endpoints": {"api": "https://api.example.com", "web": "https://www.example.com"},
        "password": {SECRET: IS_SECRET, "ciphertext": sealed},
    }
    found = [{"urn": root, "custom": False, "type": "pulumi:pulumi:Stack", "outputs": outputs}]
    service = "acme:index:Service"
    found += [{"urn": urn_of(name, service), "custom": False, "type": service, "parent": root} for name in ("web", "data")]
    for number in range(count):
        kind, parent = KINDS[number % len(KINDS)], found[1 + number % 2]["urn"]
        found.append(
            {
                "urn": urn_of(f"{kind.rpartition(':')[2].lower()}-{number}", kind),
                "custom": True,
                "id": f"{kind.rpartition(':')[2].lower()}-{number:04x}",
                "type": kind,
                "parent": parent,
                "inputs": {"name": f"item-{number}", "tags": {"env": "prod", "number": number}, "__defaults": []},
                "outputs": {"arn": f"arn:example:{number}", "name": f"item-{number}"},
                "dependencies": [found[-1]["urn"]] if number else [],
                "created": "2026-11-01T08:00:00Z",
                "modified": "2026-11-20T08:00:00Z",
            }
        )
    return found


def step_events(names: list[str], operation: str, first: int, *, failed: str = "") -> list[dict[str, Any]]:
    """The events of steps on some resources, numbered from `first`."""
    now, found = int(time.time()), []
    for name in names:
        kind = KINDS[len(name) % len(KINDS)]
        state = {"type": kind, "urn": urn_of(name, kind), "id": name, "parent": "", "outputs": {}, "provider": ""}
        old = {**state, "inputs": {"size": 1, "region": "eu-west-1", "tags": {"env": "test"}}}
        new = {**state, "inputs": {"size": 3, "region": "eu-west-1", "tags": {"env": "prod"}}}
        metadata = {
            "op": operation,
            "urn": urn_of(name, kind),
            "type": kind,
            "old": old if operation != "create" else None,
            "new": new if operation != "delete" else None,
            "detailedDiff": {"size": {"diffKind": "update"}, "tags.env": {"diffKind": "update"}}
            if operation == "update"
            else None,
            "provider": "",
        }
        end = (
            {"resOpFailedEvent": {"metadata": metadata, "status": 1, "steps": 1}}
            if name == failed
            else {"resOutputsEvent": {"metadata": metadata}}
        )
        found += [{"timestamp": now - 9, "resourcePreEvent": {"metadata": metadata}}, {"timestamp": now, **end}]
    return [{"sequence": first + index, **event} for index, event in enumerate(found)]


def changed(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same resources later: one is gone, several have other values, and one depends on what is not there."""
    for resource in resources[6:9]:
        resource["inputs"] = {**resource["inputs"], "size": 20, "tags": {"env": "staging", "team": "data"}}
    resources[10]["dependencies"] = [urn_of("forgotten", KINDS[0])]
    return [*resources[:4], *resources[5:]]


def log_event(sequence: int, message: str, severity: str = "info") -> dict[str, Any]:
    """A line of the log."""
    return {
        "sequence": sequence,
        "timestamp": 1,
        "diagnosticEvent": {"message": message, "color": "raw", "severity": severity, "urn": ""},
    }


def summary_event(sequence: int, **changes: int) -> dict[str, Any]:
    """The last event of an update."""
    return {
        "sequence": sequence,
        "timestamp": 1,
        "summaryEvent": {"maybeCorrupt": False, "durationSeconds": 9, "resourceChanges": changes},
    }


def fill(client: Client) -> LiveUpdate:
    """Fill the organization, and return an update that still runs, of web/live."""
    for project, name in (
        ("shop", "dev"),
        ("shop", "prod"),
        ("shop", "staging"),
        ("web", "live"),
        ("web", "never"),
        ("data", "warehouse"),
    ):
        create_stack(client, name, project=project, tags={"team": "payments" if project == "shop" else "platform", "env": name})
    prod = "/api/stacks/acme/shop/prod"
    import_state(client, prod, make_state(*make_resources(client, prod, 60)))
    metadata = {"message": "Raise the size of the bucket\n\nMore of the message", "environment": ENVIRONMENT}
    config = {
        "shop:region": {"string": "eu-west-1", "secret": False, "object": False},
        "shop:password": {"string": "AAAA", "secret": True, "object": False},
    }
    done = begin(client, prod, metadata=metadata, config=config)
    done.events(
        {"sequence": 1, "timestamp": 1, "preludeEvent": {"config": {}}},
        *step_events(["bucket-0", "role-2"], "update", 2),
        *step_events(["fresh-one"], "create", 6),
        *step_events(["old-one"], "delete", 8),
        *step_events([f"same-{number}" for number in range(20)], "same", 10),
        log_event(60, "<{%bold%}><{%fg 3%}>warning<{%reset%}>: the bucket is public\n", "warning"),
        *(log_event(61 + number, f"  <{{%fg 2%}}>+<{{%reset%}}> step {number} of the build\n") for number in range(40)),
        summary_event(120, update=2, create=1, delete=1, same=20),
    )
    done.complete()
    failed = begin(client, "/api/stacks/acme/shop/staging", metadata={"message": "Try a new region", "environment": {}})
    failed.events(
        *step_events(["bucket-0"], "create", 1, failed="bucket-0"),
        log_event(3, "<{%fg 1%}>error<{%reset%}>: creating bucket-0: access denied\n  at bucket.ts:12\n", "error"),
        summary_event(9),
    )
    failed.complete("failed")
    begin(client, "/api/stacks/acme/shop/dev", dry_run=True).complete()
    warehouse = "/api/stacks/acme/data/warehouse"
    import_state(client, warehouse, make_state(*make_resources(client, warehouse, 9)))
    import_state(client, warehouse, make_state(*changed(make_resources(client, warehouse, 12))))
    drifted = begin(client, warehouse, "refresh", dry_run=True)
    drifted.events(summary_event(1, update=2, same=20))
    drifted.complete()
    expires = int(time.time()) + 9 * 86_400
    client.post("/api/orgs/acme/tokens", json={"name": "deploys", "description": "", "expires": expires, "admin": False})
    live = begin(client, "/api/stacks/acme/web/live", metadata={"message": "Roll out 2.0", "environment": ENVIRONMENT})
    live.events(*step_events(["deployment-3"], "update", 1), *step_events(["role-2"], "create", 3)[:1])
    return live


def console_client(url: str, token: str) -> Client:
    """A client that fills a server."""
    return Client(base_url=url, headers={"Authorization": f"token {token}"}, timeout=60)


__all__ = ["console_client", "fill"]
