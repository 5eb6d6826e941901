"""Speaks to a server as a client does, in process or over a socket: one function a call, replies as they come."""

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from httpx2 import Client, Response

from tests.stacks.engine.builders import dump, make_batch

CLI = "pulumi-cli/1 (v3.274.1; linux)"
IN_PROGRESS = "Conflict: Another update is currently in progress."


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """A started update, and the calls that its lease allows. `reply` is the answer to its start."""

    client: Client
    stack: str
    id: str
    reply: dict[str, Any]
    kind: str = "update"
    token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """The update's address."""
        return f"{self.stack}/{self.kind}/{self.id}"

    def send(self, method: str, call: str, body: bytes, *, token: str | None = None, **headers: str) -> Response:
        """Make a call with the lease's token, or another."""
        authorization = {"Authorization": f"update-token {self.token if token is None else token}"}
        return self.client.request(method, f"{self.url}/{call}", content=body, headers={**authorization, **headers})

    def journal(self, *entries: dict[str, Any] | bytes) -> Response:
        """Send journal entries, compressed as clients send them."""
        return self.send("PATCH", "journalentries", gzip.compress(make_batch(*entries)), **{"Content-Encoding": "gzip"})

    def events(self, *events: dict[str, Any] | bytes) -> Response:
        """Send engine events."""
        texts = [one if isinstance(one, bytes) else dump(one) for one in events]
        return self.send("POST", "events/batch", b'{"events":[' + b",".join(texts) + b"]}")

    def checkpoint(self, container: bytes) -> Response:
        """Send a whole checkpoint."""
        return self.send("PATCH", "checkpoint", b'{"isInvalid":false,' + container.lstrip()[1:])

    def verbatim(self, container: bytes, sequence: int) -> Response:
        """Send a whole checkpoint that deltas may refer to."""
        return self.send(
            "PATCH", "checkpointverbatim", b'{"version":3,"untypedDeployment":%s,"sequenceNumber":%d}' % (container, sequence)
        )

    def delta(self, digest: str, sequence: int, *edits: tuple[int, int, str]) -> Response:
        """Send a checkpoint as edits (begin, end, new text)."""
        return self.send(
            "PATCH",
            "checkpointdelta",
            dump(
                {
                    "version": 3,
                    "checkpointHash": digest,
                    "sequenceNumber": sequence,
                    "deploymentDelta": [
                        {
                            "Span": {
                                "uri": "",
                                "start": {"line": 1, "column": 1, "offset": begin},
                                "end": {"line": 1, "column": 1, "offset": end},
                            },
                            "NewText": text,
                        }
                        for begin, end, text in edits
                    ],
                },
            ),
        )

    def renew(self) -> Response:
        """Renews the lease."""
        return self.send("POST", "renew_lease", b'{"token":"","duration":300}')

    def complete(self, status: str = "succeeded") -> Response:
        """Completes the update."""
        return self.send("POST", "complete", dump({"status": status}))

    def cancel(self) -> Response:
        """Cancel the update, as its owner does from elsewhere."""
        return self.client.post(f"{self.url}/cancel")


def create_stack(client: Client, name: str = "dev", *, project: str = "shop", org: str = "acme", **members: Any) -> str:
    """Create a stack and return its address."""
    made = client.post(f"/api/stacks/{org}/{project}", json={"stackName": name, **members})
    assert 200 == made.status_code, made.text
    return f"/api/stacks/{org}/{project}/{name}"


def program(*, dry_run: bool = False, **members: Any) -> dict[str, Any]:
    """Return the body that creates an update."""
    body = {"name": "shop", "runtime": "yaml", "main": "", "description": "", "options": {"dryRun": dry_run, "parallel": 1}}
    return {**body, "config": {}, "metadata": {"message": "", "environment": {}}, **members}


def create_update(
    client: Client,
    stack: str,
    kind: str = "update",
    *,
    dry_run: bool = False,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> str:
    """Create an update and return its id."""
    made = client.post(f"{stack}/{kind}", json=program(dry_run=dry_run, **members), headers=headers)
    assert 200 == made.status_code, made.text
    return str(made.json()["updateID"])


def start_update(
    client: Client,
    stack: str,
    update_id: str,
    *,
    tags: dict[str, str] | None = None,
    journal: int = 2,
    headers: dict[str, str] | None = None,
) -> Response:
    """Asks to start a created update."""
    body = {"tags": tags, "journalVersion": journal}
    return client.post(f"{stack}/update/{update_id}", json=body, headers={"User-Agent": CLI, **(headers or {})})


def begin(
    client: Client,
    stack: str,
    kind: str = "update",
    *,
    dry_run: bool = False,
    tags: dict[str, str] | None = None,
    journal: int = 2,
    headers: dict[str, str] | None = None,
    **members: Any,
) -> LiveUpdate:
    """Create an update and start it, by another user's token if headers give one."""
    update_id = create_update(client, stack, kind, dry_run=dry_run, headers=headers, **members)
    started = start_update(client, stack, update_id, tags=tags, journal=journal, headers=headers)
    assert 200 == started.status_code, started.text
    return LiveUpdate(client, stack, update_id, started.json(), token=started.json()["token"])


def export(client: Client, stack: str, version: int | None = None) -> bytes:
    """Return the exported state, byte for byte."""
    found = client.get(f"{stack}/export" if version is None else f"{stack}/export/{version}")
    assert 200 == found.status_code, found.text
    return found.content


def import_state(client: Client, stack: str, container: bytes) -> str:
    """Import a state and return the id of the update that did it."""
    found = client.post(f"{stack}/import", content=container)
    assert 200 == found.status_code, found.text
    return str(found.json()["updateId"])


def resources_of(container: bytes) -> list[dict[str, Any]]:
    """Return the resources of a container, parsed."""
    found: list[dict[str, Any]] = json.loads(container)["deployment"].get("resources") or []
    return found


def error_of(reply: Response) -> tuple[int, int, str]:
    """Return (status, code, message) of a refusal in the wire's shape."""
    assert "application/json" == reply.headers["Content-Type"], reply.text
    body = reply.json()
    assert type(body["code"]) is int
    assert body["message"]
    return reply.status_code, body["code"], body["message"]
