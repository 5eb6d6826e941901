"""The hash chain of the audit log: canonical records, digests and links. No I/O.

Each record of an organization has a sequence number and a hash: the SHA-256 of its sequence, the hash of the record before it and
the digest of its own canonical JSON. Changing, removing or inserting a record breaks the chain there (docs/audit.md).
"""

import hashlib
import json
from dataclasses import dataclass

# The hash before the first record of every chain.
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is stored. `sequence` and `hash` are None for one from before the chain."""

    id: str
    org_id: str
    recorded_at: int
    event: str
    description: str
    user_id: str
    login: str
    token_id: str | None
    token_name: str
    source_ip: str
    sequence: int | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of an organization's chain; sequence 0 for an empty one."""

    sequence: int
    hash: str


def canonical(record: Record) -> bytes:
    """Return the bytes that the digest covers: JSON after RFC 8785, without sequence and hash."""
    return canonical_json(_members(record))


def digest(record: Record) -> str:
    """Return the SHA-256 of a record's canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical(record)).hexdigest()


def link(sequence: int, previous_hash: str, record_digest: str) -> str:
    """Return the hash of a record in the chain. The database computes the same in `repository.add`."""
    return hashlib.sha256(f"{sequence}:{previous_hash}:{record_digest}".encode()).hexdigest()


def canonical_json(members: dict[str, object]) -> bytes:
    """Return JSON with sorted members and without blanks, in UTF-8."""
    return json.dumps(members, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def export_line(record: Record) -> bytes:
    """Return a record as one line of an export: its canonical members, sequence and hash."""
    return canonical_json(_members(record) | {"hash": record.hash, "sequence": record.sequence}) + b"\n"


def export_end(org_id: str, head: Head, unchained_count: int) -> bytes:
    """Return the last line of an export: where the chain ends, and how many records are from before it."""
    members = {"head": {"hash": head.hash, "sequence": head.sequence}, "orgID": org_id, "unchained": unchained_count}
    return canonical_json(members) + b"\n"


def _members(record: Record) -> dict[str, object]:
    return {
        "description": record.description,
        "event": record.event,
        "id": record.id,
        "login": record.login,
        "orgID": record.org_id,
        "recordedAt": record.recorded_at,
        "sourceIP": record.source_ip,
        "tokenID": record.token_id,
        "tokenName": record.token_name,
        "userID": record.user_id,
    }
