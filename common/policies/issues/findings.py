"""Reads what the events of an update say about policies. No I/O beyond the events that it is given."""

import re
from collections.abc import Iterable

from common.policies.issues.model import TEXT_LIMIT, Findings, PolicyKey, Violation, level_of
from common.stacks.overview.report import Event, PolicySummary, PolicyViolation

# What clients put around texts in colour. Source: sdk/go/common/diag/colors/colors.go.
_MARK = re.compile(r"<\{%[^%<>]{0,40}%\}>")
_NAME_LIMIT, _POLICY_LIMIT, _SEVERITY_LIMIT = 100, 255, 20


def read_findings(events: Iterable[Event]) -> Findings:
    """Return violations and tallies. A violation with an exception counts as passed."""
    findings = Findings()
    excepted: set[tuple[PolicyKey, str]] = set()
    for event in events:
        if event.policy_event is not None:
            _add_violation(findings, excepted, event.policy_event)
        for summary in (event.policy_analyze_summary_event, event.policy_analyze_stack_summary_event):
            if summary is not None:
                _add_summary(findings, summary)
    for violation in findings.violations.values():
        tally = findings.tally(violation.key, violation.tag)
        tally.failed.add(violation.urn)
        tally.passed.discard(violation.urn)
    violated = {(violation.key, violation.urn) for violation in findings.violations.values()}
    for key, urn in excepted - violated:
        tally = findings.tallies[key]
        tally.failed.discard(urn)
        tally.passed.add(urn)
    return findings


def _add_violation(findings: Findings, excepted: set[tuple[PolicyKey, str]], event: PolicyViolation) -> None:
    key = _key(event.policy_pack_name, event.policy_name)
    tag = event.policy_pack_version_tag[:_NAME_LIMIT]
    if event.exceptions:
        findings.tally(key, tag)
        excepted.add((key, event.resource_urn))
        return
    message = _MARK.sub("", event.message).strip()[:TEXT_LIMIT]
    violation = Violation(
        key, event.resource_urn, tag, message, level_of(event.enforcement_level), event.severity[:_SEVERITY_LIMIT]
    )
    findings.violations[violation.digest] = violation


def _add_summary(findings: Findings, summary: PolicySummary) -> None:
    for names, is_failure in ((summary.passed, False), (summary.failed, True)):
        for name in names or ():
            key = _key(summary.policy_pack_name, name)
            tally = findings.tally(key, summary.policy_pack_version_tag[:_NAME_LIMIT])
            (tally.failed if is_failure else tally.passed).add(summary.resource_urn)


def _key(pack: str, policy: str) -> PolicyKey:
    return PolicyKey(pack[:_NAME_LIMIT], policy[:_POLICY_LIMIT])
