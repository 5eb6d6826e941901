"""What an update did, put together from its engine events: steps on resources, diagnostics, the log. No I/O.

Only what is shown is decoded. Values in events have their secrets hidden by the client already.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from common.stacks.engine.urn import find
from common.stacks.overview.values import read_object, show

# What clients call reads and steps that change nothing.
QUIET = frozenset({"same", "read", "read-replacement", "read-discard", "refresh", "diff"})
SEVERITIES = ("error", "warning")


class _State(msgspec.Struct):
    inputs: Raw = Raw(b"{}")
    outputs: Raw = Raw(b"{}")


class _PropertyDiff(msgspec.Struct, rename="camel"):
    diff_kind: str = "update"


class _Metadata(msgspec.Struct, rename="camel"):
    op: str = ""
    urn: str = ""
    type: str = ""
    old: _State | None = None
    new: _State | None = None
    diffs: list[str] | None = None
    detailed_diff: dict[str, _PropertyDiff] | None = None


class _Step(msgspec.Struct):
    metadata: _Metadata


class _Message(msgspec.Struct, gc=False):
    message: str = ""
    urn: str = ""
    severity: str = "info"
    ephemeral: bool = False


class PolicyViolation(msgspec.Struct, rename="camel"):
    """Upstream: PolicyEvent; one with exceptions stops nothing."""

    message: str = ""
    resource_urn: str = ""
    policy_name: str = ""
    policy_pack_name: str = ""
    policy_pack_version_tag: str = ""
    enforcement_level: str = ""
    severity: str = ""
    exceptions: list[msgspec.Raw] | None = None


class PolicySummary(msgspec.Struct, rename="camel"):
    """Upstream: PolicyAnalyzeSummaryEvent and PolicyAnalyzeStackSummaryEvent, which names no resource."""

    policy_pack_name: str = ""
    policy_pack_version_tag: str = ""
    resource_urn: str = ""
    passed: list[str] | None = None
    failed: list[str] | None = None


class _Summary(msgspec.Struct, rename="camel"):
    duration_seconds: int = 0
    resource_changes: dict[str, int] | None = None
    maybe_corrupt: bool = False


class _Error(msgspec.Struct):
    error: str = ""


class Event(msgspec.Struct, rename="camel", gc=False):
    """An engine event, with the members that a report needs. Source: sdk/go/common/apitype/events.go."""

    sequence: int = 0
    timestamp: int = 0
    stdout_event: _Message | None = None
    diagnostic_event: _Message | None = None
    resource_pre_event: _Step | None = None
    res_outputs_event: _Step | None = None
    res_op_failed_event: _Step | None = None
    policy_event: PolicyViolation | None = None
    policy_analyze_summary_event: PolicySummary | None = None
    policy_analyze_stack_summary_event: PolicySummary | None = None
    summary_event: _Summary | None = None
    error_event: _Error | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of the log, with the colour marks of the client."""

    number: int
    text: str
    severity: str
    urn: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A property that a step changes: how (`add`, `delete`, `update`), and its values as text."""

    path: str
    kind: str
    old: str
    new: str


@dataclass(slots=True)
class Step:
    """What happened to a resource: `state` is running, succeeded or failed; times are unix seconds."""

    urn: str
    name: str
    type: str
    operation: str
    state: str
    started_at: int
    ended_at: int = 0
    metadata: _Metadata = field(default_factory=_Metadata)

    @property
    def changes(self) -> bool:
        """Tell whether the step is more than a look at a resource."""
        return self.operation not in QUIET or self.state == "failed"

    def differences(self) -> list[Difference]:
        """Return the properties that the step changes, by path."""
        return list(_differences(self.metadata))


@dataclass(slots=True)
class Report:
    """An update as its events tell of it. `mark` is different after each event that arrived."""

    mark: str = ""
    steps: dict[str, Step] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    policies: list[PolicyViolation] = field(default_factory=list)
    counts: dict[str, int] | None = None
    duration_seconds: int | None = None
    is_cut: bool = False

    def diagnostics(self) -> list[Line]:
        """Return the errors and warnings, errors first."""
        return sorted(
            (line for line in self.lines if line.severity in SEVERITIES), key=lambda line: SEVERITIES.index(line.severity)
        )

    def find_steps(self, *, everything: bool) -> list[Step]:
        """Return the steps in order of their beginning: all of them, or those that change something."""
        return [step for step in self.steps.values() if everything or step.changes]


def add(report: Report, events: Iterable[Event]) -> None:
    """Add events to a report, in their order."""
    for event in events:
        if event.diagnostic_event is not None or event.stdout_event is not None:
            _log(report, event)
        elif event.resource_pre_event is not None:
            _begin(report, event.resource_pre_event.metadata, event.timestamp)
        elif event.res_outputs_event is not None:
            _end(report, event.res_outputs_event.metadata, event.timestamp, "succeeded")
        elif event.res_op_failed_event is not None:
            _end(report, event.res_op_failed_event.metadata, event.timestamp, "failed")
        elif event.summary_event is not None:
            report.counts = event.summary_event.resource_changes or {}
            report.duration_seconds = event.summary_event.duration_seconds
        elif event.policy_event is not None:
            report.policies.append(event.policy_event)
        else:
            _log(report, event)


def _begin(report: Report, metadata: _Metadata, now: int) -> None:
    urn = find(metadata.urn)
    name = urn.name if urn is not None else metadata.urn
    before = report.steps.pop(metadata.urn, None)
    # A replacement is several steps on one resource, which people see as one.
    operation = "replace" if before is not None and before.changes and metadata.op not in QUIET else metadata.op
    operation = "replace" if "replace" in operation else operation
    report.steps[metadata.urn] = Step(metadata.urn, name, metadata.type, operation, "running", now, metadata=metadata)


def _end(report: Report, metadata: _Metadata, now: int, state: str) -> None:
    if metadata.urn not in report.steps:
        _begin(report, metadata, now)
    step = report.steps[metadata.urn]
    step.state, step.ended_at = state, now


def _log(report: Report, event: Event) -> None:
    message = event.diagnostic_event or event.stdout_event
    if message is not None and not message.ephemeral:
        texts, severity, urn = message.message, message.severity.partition("#")[0], message.urn
    elif event.error_event is not None:
        texts, severity, urn = event.error_event.error, "error", ""
    else:
        return
    texts = texts.rstrip("\n")
    if "\n" not in texts:
        report.lines.append(Line(len(report.lines) + 1, texts, severity, urn))
        return
    for text in texts.split("\n"):
        report.lines.append(Line(len(report.lines) + 1, text, severity, urn))


def _differences(metadata: _Metadata) -> Iterable[Difference]:
    old = _inputs(metadata.old)
    new = _inputs(metadata.new)
    if metadata.detailed_diff:
        for path, diff in sorted(metadata.detailed_diff.items()):
            yield Difference(path, diff.diff_kind.partition("-")[0], _text(old, path), _text(new, path))
        return
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            kind = "add" if name in new else "delete"
            yield Difference(name, kind, _text(old, name), _text(new, name))
        elif old[name] != new[name]:
            yield Difference(name, "update", _text(old, name), _text(new, name))


def _inputs(state: _State | None) -> dict[str, Any]:
    inputs = read_object(bytes(state.inputs)) if state is not None else {}
    return {name: value for name, value in inputs.items() if name not in ("__defaults", "__internal")}


def _text(values: dict[str, Any], path: str) -> str:
    """Return the value at a property path as text; that of its first part where the rest leads nowhere."""
    if path in values:
        return show(path, values[path]).text
    value: Any = values
    for part in path.replace("[", ".").replace("]", "").replace('"', "").split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return ""
    return show(path, value).text
