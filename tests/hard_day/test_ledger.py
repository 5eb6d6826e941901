"""The judge of a hard day: what it must notice, and what it must not complain about."""

import json

from tests.hard_day.ledger import Ledger, faults_of, order_of, values_of


def state(*names: str, value: int = 1, **members: object) -> bytes:
    """Return an exported state with these resources."""
    resources = [{"urn": f"urn:pulumi:dev::shop::a:b:C::{name}", "custom": True, "outputs": {"value": value}} for name in names]
    return json.dumps({"version": 3, "deployment": {"resources": resources, **members}}).encode()


class TestLedger:
    def test_notices_what_is_lost_changed_or_was_never_written(self) -> None:
        """Each resource must have the value that was acknowledged last."""
        ledger = Ledger()
        ledger.confirm({"a": 1, "b": 1, "c": 1})
        ledger.confirm({"b": 2, "c": None})

        assert [] == Ledger(dict(ledger.values)).compare({"a": 1, "b": 2})
        assert ["a is None, but 1 was acknowledged", "b is 1, but 2 was acknowledged", "d is 9, but None was acknowledged"] == (
            ledger.compare({"b": 1, "d": 9})
        )

    def test_allows_a_write_without_an_answer_to_be_there_or_not(self) -> None:
        """What was not acknowledged may be lost, but only as a whole."""
        for observed, is_right in (({}, True), ({"a": 1, "b": 1}, True), ({"a": 1}, False)):
            ledger = Ledger()
            ledger.doubt({"a": 1, "b": 1})

            assert is_right is not bool(ledger.compare(observed))

    def test_counts_what_came_after_a_write_without_an_answer(self) -> None:
        """An acknowledged write of the same names decides; two without an answer leave three possible ends."""
        decided, open_end = Ledger(), Ledger()
        decided.doubt({"a": 1})
        decided.confirm({"a": 2})
        open_end.doubt({"a": 1})
        open_end.doubt({"a": 2})

        decided.doubt({"b": 1, "c": 1})
        decided.confirm({"b": 2})

        assert [] == Ledger(dict(decided.values), list(decided.doubtful)).compare({"a": 2, "b": 2, "c": 1})
        assert ["b is 1, but 2 was acknowledged"] == decided.compare({"a": 2, "b": 1, "c": 1})
        assert [] == open_end.compare({"a": 1})


def test_reads_an_exported_state() -> None:
    """Names keep their order; a resource that is there twice, or a mark of the server, is a fault in any case."""
    assert ["b", "a"] == order_of(state("b", "a"))
    assert {"a": 7} == values_of(state("a", value=7))
    assert [] == faults_of(state("a", "b"))
    marked = state("a", "a", metadata={"integrity_error": {"error": "broken"}})
    assert ["a is there twice", "the state is marked: broken"] == faults_of(marked)
