"""The DynamoDB table that the original keeps audit logs in, by the original's schema: the driver.

An item is found by its organization and by its place in time, or in an index by the user who did it. Items are written under
their key, so that a repeat changes nothing. The SDK is loaded on first use.
"""

import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from common.core.errors import StartUpError
from common.ports.aws import Access, connect, reason_of

if TYPE_CHECKING:
    from botocore.client import BaseClient

HASH, RANGE = "org_id", "timestamp_id"
INDEX, INDEX_HASH = "org_user", "org_user_id"
Item = dict[str, str | int]
_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# A condition's list has a hundred values at most.
_VALUES_PER_LIST = 100
# With a filter so many items are looked at in each call, and without one as many as are needed.
_LOOKED_AT = 1_000
# No further call of a search begins after this time.
SEARCH_SECONDS = 5.0
_KEYS = {HASH: "HASH", RANGE: "RANGE"}
_INDEX_KEYS = {INDEX_HASH: "HASH", RANGE: "RANGE"}
# No organization has this id.
_PROBE = "stackhold-probe"


class TableError(Exception):
    """The table refuses or does not answer; the text is short and names no secret."""


@dataclass(frozen=True, slots=True)
class Range:
    """Items of an organization, or with a user of one of its users, from one place in time to another, both included."""

    org_id: str
    first: str
    last: str
    org_user_id: str = ""
    events: Collection[str] = ()


class AuditTable:
    """The driver."""

    def __init__(self, name: str, access: Access, *, connections: int = 10, search_seconds: float = SEARCH_SECONDS) -> None:
        """Use a table; nothing is imported or sent before the first use. Raises StartUpError for a name that cannot be one."""
        if not _NAME.fullmatch(name):
            raise StartUpError("PULUMI_AUDIT_LOGS_DYNAMO_TABLE must be a table's name: 3 to 255 letters, digits and _ . -")
        self.name = name
        self._access = access
        self._connections = connections
        self._search_seconds = search_seconds
        self._lock = Lock()
        self._opened: BaseClient | None = None

    def put(self, item: Item) -> None:
        """Store an item under its key; the same item once more changes nothing."""
        with self._translated():
            self._client().put_item(TableName=self.name, Item={name: _typed(value) for name, value in item.items()})

    def deadline(self) -> float:
        """Return when a search that begins now has to end, as `time.monotonic` counts."""
        return time.monotonic() + self._search_seconds

    def page(self, wanted: Range, limit: int, deadline: float | None = None) -> list[Item]:
        """Return items in range, the last one first; raises TableError when they are not found in time."""
        if wanted.first > wanted.last:
            return []
        items: list[Item] = []
        query, start = self._query(wanted), dict[str, Any]()
        deadline = self.deadline() if deadline is None else deadline
        while len(items) < limit:
            if time.monotonic() >= deadline:
                raise TableError(f"DynamoDB table {self.name}: the search takes too long")
            with self._translated():
                count = _LOOKED_AT if wanted.events else limit - len(items)
                answer = self._client().query(**query, Limit=count, **start)
            items += [{name: _plain(value) for name, value in item.items()} for item in answer["Items"]]
            if not answer.get("LastEvaluatedKey"):
                break
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return items[:limit]

    def find_problems(self) -> list[str]:
        """Return what is wrong with the table: its keys, its index, or what this program may do with it. Writes nothing."""
        try:
            with self._translated():
                table = self._client().describe_table(TableName=self.name)["Table"]
        except TableError as error:
            return [f"{error} (dynamodb:DescribeTable)"]
        problems = _schema_problems(table)
        return problems or self._missing_rights()

    def _missing_rights(self) -> list[str]:
        calls = {
            "dynamodb:Query": lambda: self.page(Range(_PROBE, "0", "1"), 1),
            f"dynamodb:Query on the index {INDEX}": lambda: self.page(Range(_PROBE, "0", "1", _PROBE), 1),
            "dynamodb:PutItem": self._try_to_put,
        }
        problems = []
        for right, call in calls.items():
            try:
                call()
            except TableError as error:
                problems.append(f"{error} ({right})")
        return problems

    def _try_to_put(self) -> None:
        """Write under a condition that does not hold: the service looks at the right first."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the SDK is loaded on first use

        key = {HASH: _typed(_PROBE), RANGE: _typed("0")}
        with self._translated():
            try:
                self._client().put_item(TableName=self.name, Item=key, ConditionExpression=f"attribute_exists({HASH})")
            except ClientError as error:
                if reason_of(error) != "ConditionalCheckFailedException":
                    raise

    def _query(self, wanted: Range) -> dict[str, Any]:
        hash_name, hash_value = (INDEX_HASH, wanted.org_user_id) if wanted.org_user_id else (HASH, wanted.org_id)
        values: Item = {":hash": hash_value, ":first": wanted.first, ":last": wanted.last}
        query: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"{hash_name} = :hash AND {RANGE} BETWEEN :first AND :last",
            "ScanIndexForward": False,
            **({"IndexName": INDEX} if wanted.org_user_id else {}),
        }
        if wanted.events:
            names = {f":event{number}": event for number, event in enumerate(sorted(wanted.events))}
            values |= names
            query |= {"FilterExpression": _one_of("#event", list(names)), "ExpressionAttributeNames": {"#event": "event"}}
        return {**query, "ExpressionAttributeValues": {name: _typed(value) for name, value in values.items()}}

    def _client(self) -> "BaseClient":
        with self._lock:
            if self._opened is None:
                self._opened = connect("dynamodb", self._access, max_pool_connections=self._connections)
            return self._opened

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the SDK is loaded on first use

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise TableError(f"DynamoDB table {self.name}: {reason_of(error)}") from error


def _one_of(name: str, values: list[str]) -> str:
    lists = (values[start : start + _VALUES_PER_LIST] for start in range(0, len(values), _VALUES_PER_LIST))
    return " OR ".join(f"{name} IN ({', '.join(some)})" for some in lists)


def _schema_problems(table: dict[str, Any]) -> list[str]:
    problems = []
    if _keys_of(table) != _KEYS:
        problems.append(f"the table's keys must be {HASH} (hash) and {RANGE} (range)")
    index = next((index for index in table.get("GlobalSecondaryIndexes", []) if index["IndexName"] == INDEX), None)
    if index is None:
        problems.append(f"the table has no global index {INDEX}")
    elif _keys_of(index) != _INDEX_KEYS or index["Projection"]["ProjectionType"] != "ALL":
        problems.append(f"the index {INDEX} must have the keys {INDEX_HASH} (hash) and {RANGE} (range), and project ALL")
    types = {attribute["AttributeName"]: attribute["AttributeType"] for attribute in table.get("AttributeDefinitions", [])}
    texts = (HASH, RANGE, INDEX_HASH)
    if not problems and any(types.get(name) != "S" for name in texts):
        problems.append(f"{', '.join(texts)} must be of the type S")
    return problems


def _keys_of(part: dict[str, Any]) -> dict[str, str]:
    return {key["AttributeName"]: key["KeyType"] for key in part["KeySchema"]}


def _typed(value: str | int) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _plain(value: dict[str, str]) -> str | int:
    return int(value["N"]) if "N" in value else value["S"]
