"""An update as its events tell of it: steps, what changed in them, the log."""

from typing import Any

import msgspec

from common.stacks.overview.report import Event, Report, add
from tests.stacks.engine.builders import dump, urn


def report_of(*events: dict[str, Any]) -> Report:
    """The report of some events."""
    report = Report()
    add(report, [msgspec.json.decode(dump({"timestamp": index, **event}), type=Event) for index, event in enumerate(events)])
    return report


def step(event: str, operation: str, name: str = "a", **members: Any) -> dict[str, Any]:
    """An event about a step on a resource."""
    return {event: {"metadata": {"op": operation, "urn": urn(name), "type": "test:m:Res", **members}}}


class TestSteps:
    def test_begin_and_end(self) -> None:
        """A step runs until its outputs are there, or until it fails."""
        report = report_of(
            step("resourcePreEvent", "create"),
            step("resourcePreEvent", "update", "b"),
            step("resOutputsEvent", "create"),
            step("resOpFailedEvent", "update", "b"),
            step("resourcePreEvent", "delete", "c"),
        )

        assert ["succeeded", "failed", "running"] == [item.state for item in report.find_steps(everything=True)]
        assert [2, 2, 0] == [max(0, item.ended_at - item.started_at) for item in report.find_steps(everything=True)]

    def test_that_change_nothing_are_left_out(self) -> None:
        """Resources that stay the same are shown when all are asked for."""
        report = report_of(step("resOutputsEvent", "same"), step("resOutputsEvent", "update", "b"))

        assert ["b"] == [item.name for item in report.find_steps(everything=False)]
        assert 2 == len(report.find_steps(everything=True))

    def test_of_a_replacement_are_one(self) -> None:
        """Creating the new and deleting the old resource is one replacement."""
        report = report_of(step("resOutputsEvent", "create-replacement"), step("resOutputsEvent", "delete-replaced"))

        assert ["replace"] == [item.operation for item in report.find_steps(everything=False)]

    def test_name_what_changed(self) -> None:
        """Differences come by property path from the detailed diff, or from the inputs where it is missing."""
        old, new = {"inputs": {"size": 1, "tags": {"env": "a"}}}, {"inputs": {"size": 2, "tags": {"env": "b"}}}
        detailed = {"tags.env": {"diffKind": "update-replace"}}
        by_path = report_of(step("resOutputsEvent", "update", old=old, new=new, detailedDiff=detailed))
        by_input = report_of(step("resOutputsEvent", "update", old={"inputs": {"size": 1}}, new={"inputs": {"size": 1, "x": 2}}))

        (path,), (added,) = (next(iter(found.steps.values())).differences() for found in (by_path, by_input))
        assert ("tags.env", "update", "a", "b") == (path.path, path.kind, path.old, path.new)
        assert ("x", "add", "", "2") == (added.path, added.kind, added.old, added.new)


class TestLog:
    def test_numbers_its_lines(self) -> None:
        """Each line of a message has a number of its own; ephemeral messages are left out, errors stand first."""
        report = report_of(
            {"stdoutEvent": {"message": "one\ntwo\n"}},
            {"diagnosticEvent": {"message": "gone", "ephemeral": True}},
            {"diagnosticEvent": {"message": "careful", "severity": "warning"}},
            {"errorEvent": {"error": "broken"}},
        )

        assert [(1, "one"), (2, "two"), (3, "careful"), (4, "broken")] == [(line.number, line.text) for line in report.lines]
        assert ["broken", "careful"] == [line.text for line in report.diagnostics()]
