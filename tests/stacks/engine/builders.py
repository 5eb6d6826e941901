"""Small states and journals for tests, one function a thing."""

import json
from datetime import UTC, datetime
from typing import Any

from common.stacks.engine import checks, document, journal
from common.stacks.engine.entry import Part, part_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
VERSION = "v3.274.1"
ROOT = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev"


def urn(name: str, kind: str = "test:m:Res") -> str:
    """Return the URN of a resource of stack shop/dev."""
    return f"urn:pulumi:dev::shop::{kind}::{name}"


def make_resource(name: str, **members: Any) -> dict[str, Any]:
    """Return a custom resource."""
    return {"urn": urn(name), "custom": True, "id": f"{name}-id", "type": "test:m:Res", "inputs": {"n": name}, **members}


def make_state(*resources: dict[str, Any], **members: Any) -> bytes:
    """Return a container with a manifest of the version that `play` replays with."""
    manifest = {"time": "2025-01-01T00:00:00Z", "magic": checks.magic(VERSION), "version": VERSION}
    inner = {"manifest": manifest, "resources": list(resources), "metadata": {}, **members}
    return dump({"version": 3, "deployment": inner})


def entry(sequence: int, kind: int, step: int = 0, /, **members: Any) -> dict[str, Any]:
    """Return a journal entry as clients write it."""
    head = {"version": 1, "kind": kind, "sequenceID": sequence, "operationID": step, "removeOld": None, "removeNew": None}
    return head | members


def make_batch(*entries: dict[str, Any] | bytes) -> bytes:
    """Return the body of one request; an entry that is bytes is put in as it is."""
    texts = [one if isinstance(one, bytes) else dump(one) for one in entries]
    return b'{"entries":[' + b",".join(texts) + b"]}"


def parts(*batches: bytes) -> list[Part]:
    """Return batches as a replay reads them."""
    return [part_of(batch) for batch in batches]


def play(base: bytes, *entries: dict[str, Any] | bytes) -> journal.Replay:
    """Return the replay of one batch."""
    return journal.replay(base, parts(make_batch(*entries)), cli_version=VERSION, now=NOW)


def inner(container: bytes) -> dict[str, Any]:
    """Return a container's deployment as values."""
    found: dict[str, Any] = json.loads(container)["deployment"]
    return found


def names(container: bytes) -> list[str]:
    """Return the last part of each resource's URN, in order."""
    return [one.urn.rpartition("::")[2] for one in document.resources(container)]


def dump(value: Any) -> bytes:
    """Return JSON as Go spells it, apart from HTML."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
