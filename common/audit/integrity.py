"""Use cases of the operator and of a job that prove an audit log unaltered: export, verification, signed heads.

An hourly job signs the newest link of each chain with a key that only the key service opens, and keeps it in the object store.
A person who can write to the database alone can therefore neither cut off the end of a log nor compute its chain anew.
"""

import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from common.audit import repository
from common.audit.chain import Head, Record, canonical_json, export_end, export_line
from common.audit.verification import End, Fault, Problem, Verification, read_export, verify
from common.backend import Backend
from common.core.errors import NotFound
from common.crypto.service_keys import service_key
from common.ports.blobs import BlobDamaged, BlobMissing
from common.rights.caller import Caller, missing_org
from common.rights.permissions import Permission

HEADS_PER_STEP = 50
# So many signed heads are compared, the newest ones.
COMPARED_HEADS = 48
_PAGE = 1_000
HEADS_PREFIX = "audit-heads/"
_KEY = "audit"


@dataclass(frozen=True, slots=True)
class SignedEnd:
    """The newest signed record of a chain: its time in unix milliseconds, None if it is missing, and whether it is genuine."""

    sequence: int
    recorded_at: int | None
    is_genuine: bool


def list_organizations(backend: Backend, login: str | None = None) -> list[tuple[str, str]]:
    """Return (id, login) of each organization with a log, or of the one that is named; NotFound if it does not exist."""
    # No permission check: the operator, who runs this with the installation's settings, may read everything.
    with backend.db.connect() as connection:
        orgs = repository.list_organizations(connection, login)
    if login is not None and not orgs:
        raise NotFound(f"Organization {login[:100]!a} not found")
    return orgs


def export_log(backend: Backend, org_id: str) -> Iterator[bytes]:
    """Yield the lines of a whole log: the records in the order of the chain, and where it ends."""
    # No permission check: as above.
    with backend.db.connect() as connection:
        head = repository.find_head(connection, org_id)
    unchained = 0
    for record in _records(backend, org_id, head):
        unchained += record.sequence is None
        yield export_line(record)
    yield export_end(org_id, head, unchained)


def verify_export(lines: Iterable[bytes]) -> Verification:
    """Verify an export by itself: needs no installation."""
    return verify(read_export(lines))


def verify_log(backend: Backend, org_id: str) -> Verification:
    """Verify the log in the database, and compare it with its signed heads."""
    # No permission check: as above.
    with backend.db.connect() as connection:
        head = repository.find_head(connection, org_id)

    def items() -> Iterator[Record | End]:
        yield from _records(backend, org_id, head)
        yield End(org_id, head)

    result = verify(items())
    if result.fault is not None:
        return result
    return replace(result, fault=_find_outside(backend, org_id) or _compare_signed(backend, org_id, result))


def sign_heads(backend: Backend, after: str) -> tuple[int, str]:
    """Sign the heads of some organizations after an id; return how many, and the last id, or "" at the end."""
    # No permission check: the job acts for no caller.
    with backend.db.connect() as connection:
        heads = repository.list_unsigned_heads(connection, after, HEADS_PER_STEP)
    for org_id, head in heads:
        with backend.db.connect() as connection:
            unchained = repository.count_unchained(connection, org_id)
        members: dict[str, object] = {"hash": head.hash, "orgID": org_id, "sequence": head.sequence, "unchained": unchained}
        document = canonical_json(members | {"signature": _signature(backend, members)})
        backend.metadata.put(_key_of_head(org_id, head.sequence), document)
        with backend.db.connect() as connection:
            repository.update_signed(connection, org_id, head.sequence)
    return len(heads), heads[-1][0] if len(heads) == HEADS_PER_STEP else ""


def list_ends(connection: Connection) -> dict[str, int]:
    """Return how long each chain is, by the id of its organization."""
    # No permission check: as above, for `list_organizations`.
    return repository.list_ends(connection)


def is_within(key: str, ends: dict[str, int]) -> bool:
    """Tell whether the signed head with a key is of a chain that is as long; True where the chain is not known."""
    org_id, _, sequence = key.removeprefix(HEADS_PREFIX).partition("/")
    return org_id not in ends or int(sequence) <= ends[org_id]


def get_signed_end(backend: Backend, caller: Caller, org: str) -> SignedEnd | None:
    """Return the record up to which an organization's chain is signed, or None where it is not signed yet.

    It compares the newest signed head with its record; `verify_log` compares every record.
    """
    membership = caller.require(Permission.AUDIT_LOGS_READ, org, missing=missing_org(org))
    with backend.db.connect() as connection:
        sequence, record = repository.find_signed_record(connection, membership.org_id)
    if sequence == 0:
        return None
    if record is None:
        return SignedEnd(sequence, None, is_genuine=False)
    signed = _read_signed(backend, _key_of_head(membership.org_id, sequence), membership.org_id, sequence)
    return SignedEnd(sequence, record.recorded_at, is_genuine=signed is not None and signed[0].hash == record.hash)


def _key_of_head(org_id: str, sequence: int) -> str:
    return f"{HEADS_PREFIX}{org_id}/{sequence:016}"


def _records(backend: Backend, org_id: str, head: Head) -> Iterator[Record]:
    position = (0, "")
    while True:
        with backend.db.connect() as connection:
            page = repository.page_unchained(connection, org_id, position, _PAGE)
        yield from page
        if len(page) < _PAGE:
            break
        position = (page[-1].recorded_at, page[-1].id)
    after = 0
    while True:
        with backend.db.connect() as connection:
            page = repository.page_chain(connection, org_id, after, head.sequence, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].sequence or 0


def _find_outside(backend: Backend, org_id: str) -> Fault | None:
    """Return the fault of a record that the listings show and the chain does not have."""
    with backend.db.connect() as connection:
        record = repository.find_outside(connection, org_id)
    if record is None:
        return None
    text = f"record {record.id} was inserted: the chain has no record {record.sequence}"
    return Fault(Problem.INSERTED, 0, record.sequence or 0, text)


def _compare_signed(backend: Backend, org_id: str, result: Verification) -> Fault | None:
    """Return what the newest signed heads say against a chain that holds by itself."""
    for key in _signed_keys(backend, org_id)[-COMPARED_HEADS:]:
        sequence = int(key.rpartition("/")[2])
        signed = _read_signed(backend, key, org_id, sequence)
        if signed is None:
            return Fault(Problem.CHANGED, 0, sequence, f"the signed head {key} was changed, or is not of this installation")
        head, unchained = signed
        if head.sequence > result.head.sequence:
            first = result.head.sequence + 1
            return Fault(Problem.MISSING, 0, first, f"record {first} is missing: record {head.sequence} was signed")
        if unchained != result.unchained:
            return _unchained_fault(backend, org_id, result, unchained)
        with backend.db.connect() as connection:
            records = repository.page_chain(connection, org_id, sequence - 1, sequence, 1)
        if [head.hash] != [record.hash for record in records]:
            text = f"the chain was recomputed: record {sequence} is not the one that was signed"
            return Fault(Problem.CHANGED, 0, sequence, text)
    return None


def _unchained_fault(backend: Backend, org_id: str, result: Verification, signed: int) -> Fault:
    """Return the fault of a log with another number of records without a sequence than was signed."""
    text = f"{signed:,} records were from before the chain when it was signed, and there are {result.unchained:,}"
    if signed > result.unchained:
        return Fault(Problem.MISSING, 0, 0, text)
    with backend.db.connect() as connection:
        late = repository.page_unchained(connection, org_id, (result.since or 0, ""), 1)
    # A record that is younger than the chain did not come before it.
    return Fault(Problem.INSERTED, 0, 0, f"{text}: record {late[0].id} was inserted" if late else text)


def _signed_keys(backend: Backend, org_id: str) -> list[str]:
    prefix, keys = f"{HEADS_PREFIX}{org_id}/", list[str]()
    while page := backend.metadata.page(prefix, keys[-1] if keys else prefix, _PAGE):
        keys += [key for key, _ in page]
    return keys


def _read_signed(backend: Backend, key: str, org_id: str, sequence: int) -> tuple[Head, int] | None:
    try:
        members = json.loads(backend.metadata.get(key))
    except (BlobMissing, BlobDamaged, ValueError):
        return None
    signature = members.pop("signature", "")
    if not isinstance(signature, str) or not hmac.compare_digest(signature.encode(), _signature(backend, members).encode()):
        return None
    if (members["orgID"], members["sequence"]) != (org_id, sequence):
        return None
    return Head(sequence, members["hash"]), members["unchained"]


def _signature(backend: Backend, members: dict[str, object]) -> str:
    return hmac.digest(service_key(backend, _KEY), canonical_json(members), "sha256").hex()
