"""Records as items of the table, and searches of them. No I/O but the table's."""

from dataclasses import replace
from heapq import merge
from itertools import islice

from common.audit.chain import Record
from common.audit.events import Search
from common.ports.audit_table import AuditTable, Item, Range, TableError

# Sorts after every id.
_END = "~"
_LAST_MILLIS = 10**15 - 1


def to_item(record: Record) -> Item:
    """Return the item of a record. Its place in time sorts like the database's order: by moment, then by id."""
    optional: Item = {"token_id": record.token_id} if record.token_id is not None else {}
    return {
        "org_id": record.org_id,
        "timestamp_id": _place(record.recorded_at, record.id),
        "org_user_id": _org_user(record.org_id, record.user_id),
        "id": record.id,
        "recorded_at": record.recorded_at,
        "event": record.event,
        "description": record.description,
        "user_id": record.user_id,
        "login": record.login,
        "token_name": record.token_name,
        "source_ip": record.source_ip,
        **optional,
    }


def page(table: AuditTable, org_id: str, search: Search, *, after: tuple[int, str] | None, limit: int) -> list[Record]:
    """Return records that match, newest first, after a position (time, id) if there is one; raises TableError."""
    last = _place(search.until if search.until is not None else _LAST_MILLIS, _END)
    if after is not None:
        last = min(last, _place(*after))
    wanted = Range(org_id, _place(search.since or 0, ""), last, events=search.events)
    ranges = [replace(wanted, org_user_id=_org_user(org_id, user_id)) for user_id in sorted(search.user_ids)]
    deadline = table.deadline()
    try:
        # One more, since the range includes the position itself.
        parts = [[_to_record(item) for item in table.page(part, limit + 1, deadline)] for part in ranges or [wanted]]
    except KeyError as error:
        raise TableError(f"DynamoDB table {table.name}: it has items of another program") from error
    records = merge(*parts, key=lambda record: (record.recorded_at, record.id), reverse=True)
    return list(islice((record for record in records if (record.recorded_at, record.id) != after), limit))


def _to_record(item: Item) -> Record:
    return Record(
        id=str(item["id"]),
        org_id=str(item["org_id"]),
        recorded_at=int(item["recorded_at"]),
        event=str(item["event"]),
        description=str(item["description"]),
        user_id=str(item["user_id"]),
        login=str(item["login"]),
        token_id=str(item["token_id"]) if "token_id" in item else None,
        token_name=str(item["token_name"]),
        source_ip=str(item["source_ip"]),
    )


def _place(millis: int, record_id: str) -> str:
    return f"{millis:015d}_{record_id}"


def _org_user(org_id: str, user_id: str) -> str:
    return f"{org_id}_{user_id}"
