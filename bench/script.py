"""The bodies of an update as CLI 3.274 sends them: create everything, then destroy everything."""

import base64
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bench.servers import ORG

PROJECT = "bench-wire"
STASH = "pulumi:index:Stash"
_SUCCESS, _SECRETS_MANAGER = 1, 6


@dataclass(frozen=True, slots=True)
class Script:
    """One stack's program: `resources` values of `payload_bytes` each."""

    stack: str
    resources: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, stack: str, resources: int, payload_bytes: int) -> "Script":
        """Return the script of a size; every stack's values differ."""
        noise = random.Random(stack)
        texts = (base64.b64encode(noise.randbytes(payload_bytes * 3 // 4)).decode("ascii") for _ in range(resources))
        return cls(stack, tuple(_resource(stack, index, text) for index, text in enumerate(texts)))

    @property
    def root(self) -> dict[str, Any]:
        """Return the resource that stands for the stack."""
        return {"urn": _urn(self.stack, "pulumi:pulumi:Stack", f"{PROJECT}-{self.stack}"), "custom": False, "type": _ROOT_TYPE}

    def program(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Return the body that creates an update."""
        options = {"localPolicyPackPaths": None, "color": "raw", "dryRun": dry_run, "parallel": 16, "showConfig": False}
        return {
            "name": PROJECT,
            "runtime": "yaml",
            "main": "",
            "description": "",
            "options": options,
            "config": {},
            "metadata": {"message": "", "environment": {"exec.kind": "cli"}},
        }

    def provider_entry(self) -> bytes:
        """Return the entry that every journal begins with."""
        state = {"url": "http://127.0.0.1", "owner": ORG, "project": PROJECT, "stack": self.stack}
        return entry(1, _SECRETS_MANAGER, 0, secretsProvider={"type": "service", "state": state})

    def creations(self) -> list[bytes]:
        """Return the journal entries of an update that creates everything."""
        entries = [self.provider_entry()]
        for operation, resource in enumerate((self.root, *self.resources), start=1):
            entries.append(entry(2 * operation, 0, operation, operation={"resource": resource, "type": "creating"}))
            entries.append(entry(2 * operation + 1, _SUCCESS, operation, state=resource))
        return entries

    def deletions(self) -> list[bytes]:
        """Return the journal entries of an update that deletes all that `creations` made, last first."""
        made = (self.root, *self.resources)
        entries = [self.provider_entry()]
        for operation, index in enumerate(reversed(range(len(made))), start=1):
            entries.append(entry(2 * operation, 0, operation, operation={"resource": made[index], "type": "deleting"}))
            entries.append(entry(2 * operation + 1, _SUCCESS, operation, removeOld=index))
        return entries

    def events(self, operation: str) -> list[bytes]:
        """Return the engine events of an update that does the same to every resource."""
        events: list[dict[str, Any]] = [{"preludeEvent": {"config": {}}}]
        for resource in self.resources:
            metadata = {
                "op": operation,
                "urn": resource["urn"],
                "type": STASH,
                "old": None,
                "new": {"inputs": resource["inputs"]},
                "detailedDiff": None,
                "logical": True,
                "provider": "",
            }
            events += [{"resourcePreEvent": {"metadata": metadata}}, {"resOutputsEvent": {"metadata": metadata}}]
        changes = {operation: len(self.resources)}
        events.append(
            {
                "summaryEvent": {
                    "maybeCorrupt": False,
                    "durationSeconds": 1,
                    "resourceChanges": changes,
                    "PolicyPacks": {},
                    "isPreview": False,
                }
            }
        )
        return [msgspec.json.encode({"sequence": i, "timestamp": 1_790_000_000, **event}) for i, event in enumerate(events)]


def batches(name: str, items: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Yield bodies of up to `size` items each."""
    for start in range(0, len(items), size):
        yield b'{"%s":[%s]}' % (name.encode(), b",".join(items[start : start + size]))


_ROOT_TYPE = "pulumi:pulumi:Stack"


def _resource(stack: str, index: int, text: str) -> dict[str, Any]:
    value = {"index": index, "text": text}
    return {
        "urn": _urn(stack, STASH, f"r{index}"),
        "custom": False,
        "type": STASH,
        "parent": _urn(stack, _ROOT_TYPE, f"{PROJECT}-{stack}"),
        "inputs": {"input": value},
        "outputs": {"input": value, "output": value},
    }


def _urn(stack: str, kind: str, name: str) -> str:
    return f"urn:pulumi:{stack}::{PROJECT}::{kind}::{name}"


def entry(sequence: int, kind: int, operation_id: int, **members: object) -> bytes:
    """Return a journal entry."""
    common = {
        "version": 1,
        "kind": kind,
        "sequenceID": sequence,
        "operationID": operation_id,
        "removeOld": None,
        "removeNew": None,
    }
    return msgspec.json.encode({**common, **members})
