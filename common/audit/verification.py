"""Verifies the hash chain of an audit log and names the first record that is changed, missing or inserted. No I/O."""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from common.audit.chain import GENESIS, Head, Record, canonical_json, digest, export_line, link

# Record's members by the names of an export.
_NAMES = {
    "description": "description",
    "event": "event",
    "hash": "hash",
    "id": "id",
    "login": "login",
    "orgID": "org_id",
    "recordedAt": "recorded_at",
    "sequence": "sequence",
    "sourceIP": "source_ip",
    "tokenID": "token_id",
    "tokenName": "token_name",
    "userID": "user_id",
}
# A line that is longer than any record.
_LINE_LIMIT = 1 << 16


class Problem(StrEnum):
    """What is wrong with a record."""

    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"


@dataclass(frozen=True, slots=True)
class Fault:
    """The first fault of a log. `line` counts the records from 1; `sequence` is that of the record, or 0 if it has none."""

    problem: Problem
    line: int
    sequence: int
    text: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: how many records hold and how many are from before the chain, since when it holds, its end, and the fault."""

    chained: int
    unchained: int
    since: int | None
    head: Head
    fault: Fault | None


@dataclass(frozen=True, slots=True)
class End:
    """The last line of an export, or of a live log what the database says: where the chain should end."""

    org_id: str
    head: Head
    unchained: int | None = None


Item = Record | End | None


def read_export(lines: Iterable[bytes]) -> Iterator[Item]:
    """Yield the records and the end of an export; None for a line that is not exactly as an export writes it."""
    return map(_read_line, lines)


def verify(items: Iterable[Item]) -> Verification:
    """Verify records in the order of their sequence, with those from before the chain first and the end last."""
    return _Verifier(items).run()


class _Verifier:
    """Walks through the records, with a look at the next one to tell a changed record from an inserted one."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = iter(items)
        self._ahead = deque[Item]()
        self._line = 0
        self._unchained = 0
        self._since: int | None = None
        self._org_id: str | None = None
        self._head = Head(0, GENESIS)
        self._last_unchained = (0, "")

    def run(self) -> Verification:
        while self._look():
            item = self._ahead.popleft()
            self._line += 1
            if isinstance(item, End):
                return self._result(self._check_end(item))
            fault = self._check(item)
            if fault is not None:
                return self._result(fault)
        self._line += 1
        return self._result(self._fault(Problem.MISSING, "the end of the log is missing: records may be missing before it"))

    def _look(self) -> bool:
        """Tell whether there is another item, and have it at hand."""
        if not self._ahead:
            self._ahead.extend(islice(self._items, 1))
        return bool(self._ahead)

    def _check(self, item: Record | None) -> Fault | None:
        if self._continues(item):
            self._advance(item)
            return None
        expected = self._head.sequence + 1
        if self._look() and (self._continues(self._ahead[0]) or self._is_end(self._ahead[0])):
            return self._fault(Problem.INSERTED, f"{_name(item)} does not belong here", item)
        if item is None:
            return self._fault(Problem.CHANGED, "this line is not a record as it was exported")
        if item.sequence is None:
            return self._fault(Problem.INSERTED, f"{_name(item)} has no place in the chain", item)
        if item.org_id == (self._org_id or item.org_id) and item.hash == link(expected, self._head.hash, digest(item)):
            return self._fault(Problem.CHANGED, f"the record has sequence {item.sequence} in place of {expected}")
        if item.sequence > expected:
            return self._fault(Problem.MISSING, f"record {expected} is missing before record {item.sequence}")
        if item.sequence < expected:
            return self._fault(Problem.INSERTED, f"{_name(item)} does not belong after record {expected - 1}", item)
        return self._fault(Problem.CHANGED, f"record {expected} was changed after it was recorded")

    def _check_end(self, end: End) -> Fault | None:
        if self._look():
            self._line += 1
            return self._fault(Problem.INSERTED, "there is something after the end of the log")
        if end.head.sequence > self._head.sequence:
            missing = self._head.sequence + 1
            return self._fault(Problem.MISSING, f"record {missing} is missing: the log ends at record {end.head.sequence}")
        if end.head.sequence < self._head.sequence:
            return self._fault(Problem.INSERTED, f"the log ends at record {end.head.sequence}, and there are records after it")
        if end.head.hash != self._head.hash or end.org_id != (self._org_id or end.org_id):
            return self._fault(Problem.CHANGED, "the end of the log does not fit its last record")
        if end.unchained not in (None, self._unchained):
            text = f"{end.unchained:,} records from before the chain were exported, and {self._unchained:,} are there"
            return self._fault(Problem.MISSING if (end.unchained or 0) > self._unchained else Problem.INSERTED, text)
        return None

    def _continues(self, item: Item) -> bool:
        if not isinstance(item, Record) or item.org_id != (self._org_id or item.org_id):
            return False
        if item.sequence is None or item.hash is None:
            is_before = self._head.sequence == 0 and item.sequence is None and item.hash is None
            return is_before and (item.recorded_at, item.id) > self._last_unchained
        expected = self._head.sequence + 1
        return item.sequence == expected and item.hash == link(expected, self._head.hash, digest(item))

    def _is_end(self, item: Item) -> bool:
        return isinstance(item, End) and item.head == self._head

    def _advance(self, item: Item) -> None:
        assert isinstance(item, Record)  # noqa: S101 - `_continues` has said so
        self._org_id = item.org_id
        if item.sequence is None or item.hash is None:
            self._unchained += 1
            self._last_unchained = (item.recorded_at, item.id)
            return
        self._since = self._since if self._since is not None else item.recorded_at
        self._head = Head(item.sequence, item.hash)

    def _fault(self, problem: Problem, text: str, item: Record | None = None) -> Fault:
        sequence = self._head.sequence + 1 if item is None else item.sequence or 0
        return Fault(problem, self._line, sequence, text)

    def _result(self, fault: Fault | None) -> Verification:
        return Verification(self._head.sequence, self._unchained, self._since, self._head, fault)


def _name(item: Record | None) -> str:
    if item is None:
        return "a line that is not a record"
    return f"record {item.sequence}" if item.sequence is not None else f"record {item.id}"


def _read_line(line: bytes) -> Item:
    try:
        members = json.loads(line) if len(line) <= _LINE_LIMIT else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(members, dict):
        return None
    item = _end(members) if "head" in members else _record(members)
    # Any other spelling of the same members was not written by an export.
    return item if item is not None and _written(item, members) == line else None


def _written(item: Record | End, members: dict[str, object]) -> bytes:
    return export_line(item) if isinstance(item, Record) else canonical_json(members) + b"\n"


def _record(members: dict[str, object]) -> Record | None:
    if members.keys() != _NAMES.keys():
        return None
    numbers = (members["recordedAt"], members["sequence"])
    texts = [value for name, value in members.items() if name not in ("recordedAt", "sequence", "hash", "tokenID")]
    optional = (members["hash"], members["tokenID"])
    is_record = (
        all(isinstance(value, str) for value in texts)
        and all(value is None or isinstance(value, str) for value in optional)
        and all(type(value) is int for value in numbers if value is not None)
        and members["recordedAt"] is not None
    )
    return Record(**{_NAMES[name]: value for name, value in members.items()}) if is_record else None  # type: ignore[arg-type]


def _end(members: dict[str, object]) -> End | None:
    head, org_id, unchained = members.get("head"), members.get("orgID"), members.get("unchained")
    if members.keys() != {"head", "orgID", "unchained"} or not isinstance(head, dict) or head.keys() != {"hash", "sequence"}:
        return None
    if not (isinstance(org_id, str) and isinstance(head["hash"], str) and type(head["sequence"]) is type(unchained) is int):
        return None
    return End(org_id, Head(head["sequence"], head["hash"]), unchained)
