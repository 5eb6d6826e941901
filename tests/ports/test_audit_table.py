"""The DynamoDB table of audit logs: what `doctor` finds wrong with it, and names that cannot be one."""

from typing import Any

import pytest

from common.core.errors import StartUpError
from common.ports.audit_table import AuditTable, Range, TableError
from common.ports.aws import Access
from tests.aws.moto_process import REGION, Moto
from tests.factories.audit_tables import items_of, make_table, refusing, schema

RIGHT = schema("any")
_INDEX = RIGHT["GlobalSecondaryIndexes"][0]


def item(number: int, **more: str | int) -> dict[str, str | int]:
    """Return an item of one organization."""
    return {"org_id": "o", "timestamp_id": f"{number:03}", "org_user_id": "o_u", "event": "team-created", **more}


class TestProblems:
    def test_are_none_for_the_originals_schema(self, moto: Moto) -> None:
        """A table with the right keys, index and rights has no problems, and the check leaves nothing in it."""
        table = make_table(moto)

        assert [] == table.find_problems()
        assert [] == items_of(moto, table)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"KeySchema": [{"AttributeName": "org_id", "KeyType": "HASH"}]}, "the table's keys"),
            ({"GlobalSecondaryIndexes": [{**_INDEX, "IndexName": "other"}]}, "no global index org_user"),
            ({"GlobalSecondaryIndexes": [{**_INDEX, "Projection": {"ProjectionType": "KEYS_ONLY"}}]}, "project ALL"),
            ({"GlobalSecondaryIndexes": [{**_INDEX, "KeySchema": _INDEX["KeySchema"][:1]}]}, "timestamp_id (range)"),
            (
                {
                    "AttributeDefinitions": [
                        {"AttributeName": name, "AttributeType": "N" if name == "timestamp_id" else "S"}
                        for name in ("org_id", "timestamp_id", "org_user_id")
                    ]
                },
                "of the type S",
            ),
        ],
    )
    def test_name_what_differs(self, moto: Moto, changes: dict[str, Any], words: str) -> None:
        """Other keys, no index, an index without all attributes, other types."""
        (problem,) = make_table(moto, **changes).find_problems()

        assert words in problem

    def test_name_an_absent_table(self, moto: Moto) -> None:
        """There is no such table."""
        assert ["DynamoDB table absent: ResourceNotFoundException (dynamodb:DescribeTable)"] == AuditTable(
            "absent", Access(region=REGION)
        ).find_problems()

    def test_name_missing_rights(self, moto: Moto) -> None:
        """Each right that is missing is named as a policy names it."""
        with refusing(moto) as front:
            front.forbidden = frozenset({"Query", "PutItem"})
            problems = AuditTable(make_table(moto).name, Access(region=REGION, endpoint=front.url)).find_problems()

        assert ["(dynamodb:Query)", "(dynamodb:Query on the index org_user)", "(dynamodb:PutItem)"] == [
            problem.partition("AccessDeniedException ")[2] for problem in problems
        ]


class TestPage:
    def test_reads_more_than_one_reply(self, moto: Moto) -> None:
        """A filter that few items match, and more names than one condition takes: all that match are found, newest first."""
        table = make_table(moto)
        for number in range(120):
            table.put(item(number, event=f"event-{number}"))
        names = [f"event-{number}" for number in range(115)]

        found = table.page(Range("o", "000", "999", events=names), 200)
        assert [f"{number:03}" for number in reversed(range(115))] == [one["timestamp_id"] for one in found]

    def test_ends_in_time(self, moto: Moto) -> None:
        """A filter that nothing matches does not read the whole log: the caller reads the database instead."""
        table = AuditTable(make_table(moto).name, Access(region=REGION), search_seconds=0)
        with pytest.raises(TableError, match="takes too long"):
            table.page(Range("o", "000", "999", events=["event"]), 10)

    def test_refuses_an_empty_range(self, moto: Moto) -> None:
        """A range that ends before it begins has nothing in it."""
        assert [] == make_table(moto).page(Range("o", "2", "1"), 10)


class TestName:
    @pytest.mark.parametrize("name", ["ab", "a b c", "arn:aws:dynamodb:eu-west-1:1:table/x"])
    def test_is_checked_at_the_start(self, name: str) -> None:
        """A name that no table can have stops the start."""
        with pytest.raises(StartUpError, match="PULUMI_AUDIT_LOGS_DYNAMO_TABLE"):
            AuditTable(name, Access())
