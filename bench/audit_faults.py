"""Tampers with an audit log in the database, and with an export of it, at random, and looks at what verification names.

Each generator yields one text for each change: empty where verification named the right record, else what it named.
"""

import random
import string
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from io import BytesIO

from sqlalchemy import Connection, delete, insert, update

from common.audit import integrity, repository
from common.audit.chain import Head, Record
from common.audit.verification import Problem, Verification
from common.backend import Backend
from common.core.ids import new_id
from common.db.tables.audit import audit_events, audit_heads

_TEXTS = ("id", "event", "description", "user_id", "login", "token_id", "token_name", "source_ip", "hash")
_CHARACTERS = string.ascii_letters + string.digits + " .,:/-"
_MOST_DELETED = 3
# What verification should name: the sequence of the record, and the problem, or None where it may be called by either name.
Expected = tuple[int, Problem | None]
_Tamper = Callable[[Connection, list[Record], random.Random], Expected]


def in_database(backend: Backend, org_id: str, times: int, noise: random.Random) -> Iterator[str]:
    """Change, delete, swap and insert records of a log so many times each, and restore it after each time."""
    with backend.db.connect() as connection:
        head = repository.find_head(connection, org_id)
        records = repository.page_chain(connection, org_id, 0, head.sequence, head.sequence)
    for tamper in (_change, _delete, _swap, _insert):
        for _ in range(times):
            with backend.db.begin() as tx:
                expected = tamper(tx, records, noise)
            yield _compare(tamper.__name__, expected, integrity.verify_log(backend, org_id))
            with backend.db.begin() as tx:
                _restore(tx, records, head)


def in_export(lines: list[bytes], times: int, noise: random.Random) -> Iterator[str]:
    """Change bytes of an export, and delete, swap and insert its lines, so many times each."""
    for _ in range(times):
        text, at = b"".join(lines), noise.randrange(sum(map(len, lines)))
        other = bytes([noise.choice([byte for byte in range(256) if byte != text[at]])])
        line = text[:at].count(b"\n") + 1
        yield _compare_line("change", line, integrity.verify_export(BytesIO(text[:at] + other + text[at + 1 :])))
    count = len(lines) - 1
    for _ in range(times):
        first, number = noise.randrange(count), noise.randint(1, _MOST_DELETED)
        left = [*lines[:first], *lines[min(first + number, count) :]]
        yield _compare_line("delete", first + 1, integrity.verify_export(left))
    for _ in range(times):
        first, second = sorted(noise.sample(range(count), 2))
        swapped = [*lines]
        swapped[first], swapped[second] = swapped[second], swapped[first]
        yield _compare_line("swap", first + 1, integrity.verify_export(swapped))
    for _ in range(times):
        at = noise.randrange(count)
        # Not the line that follows it: the same file again, with the repeat one line further.
        repeat = noise.choice([one for one in lines[:count] if one != lines[at]])
        yield _compare_line("insert", at + 1, integrity.verify_export([*lines[:at], repeat, *lines[at:]]))


def _change(tx: Connection, records: list[Record], noise: random.Random) -> Expected:
    """Change one character of a text, or one digit of the time."""
    record = noise.choice(records)
    name = noise.choice([name for name in (*_TEXTS, "recorded_at") if getattr(record, name)])
    old = str(getattr(record, name))
    at = noise.randrange(len(old))
    allowed = string.digits if name == "recorded_at" else _CHARACTERS
    new = old[:at] + noise.choice([one for one in allowed if one != old[at]]) + old[at + 1 :]
    value = int(new) if name == "recorded_at" else new
    tx.execute(update(audit_events).where(audit_events.c.id == record.id).values(**{name: value}))
    return record.sequence or 0, Problem.CHANGED


def _delete(tx: Connection, records: list[Record], noise: random.Random) -> Expected:
    first, number = noise.randrange(len(records)), noise.randint(1, _MOST_DELETED)
    gone = [record.id for record in records[first : first + number]]
    tx.execute(delete(audit_events).where(audit_events.c.id.in_(gone)))
    return first + 1, Problem.MISSING


def _swap(tx: Connection, records: list[Record], noise: random.Random) -> Expected:
    """Swap the places of two records, with or without their hashes."""
    first, second = sorted(noise.sample(records, 2), key=lambda record: record.sequence or 0)
    with_hash = noise.random() < 0.5
    for record, place in ((first, None), (second, first), (first, second)):
        values: dict[str, object] = {"sequence": place.sequence if place else None}
        if place is not None and not with_hash:
            values["hash"] = place.hash
        tx.execute(update(audit_events).where(audit_events.c.id == record.id).values(**values))
    return first.sequence or 0, None


def _insert(tx: Connection, records: list[Record], noise: random.Random) -> Expected:
    """Insert a record between two others and number those behind it anew, or give it a number that the chain does not have."""
    model, last = noise.choice(records), len(records)
    forged = replace(model, id=new_id(), description="Made team dev")
    match noise.randrange(3):
        case 0:
            place = noise.randint(1, last)
            for record in reversed(records[place - 1 :]):
                _renumber(tx, record, (record.sequence or 0) + 1)
            tx.execute(update(audit_heads).where(audit_heads.c.org_id == forged.org_id).values(sequence=last + 1))
        case 1:
            place = last + noise.randint(1, 1_000)
        case _:
            place = -noise.randrange(1_000)
    tx.execute(insert(audit_events).values(**asdict(replace(forged, sequence=place))))
    return place, None


def _renumber(tx: Connection, record: Record, sequence: int) -> None:
    tx.execute(update(audit_events).where(audit_events.c.id == record.id).values(sequence=sequence))


def _restore(tx: Connection, records: list[Record], head: Head) -> None:
    org_id = records[0].org_id
    tx.execute(delete(audit_events).where(audit_events.c.org_id == org_id))
    tx.execute(insert(audit_events), [asdict(record) for record in records])
    tx.execute(update(audit_heads).where(audit_heads.c.org_id == org_id).values(sequence=head.sequence, hash=head.hash))


def _compare(kind: str, expected: Expected, result: Verification) -> str:
    sequence, problem = expected
    fault = result.fault
    if fault is not None and fault.sequence == sequence and problem in (None, fault.problem):
        return ""
    return f"{kind} of {expected}: {fault}"


def _compare_line(kind: str, line: int, result: Verification) -> str:
    return "" if result.fault is not None and result.fault.line == line else f"{kind} of line {line}: {result.fault}"
