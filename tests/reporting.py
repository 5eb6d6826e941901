"""Says at the end of every run what was not run, and why.

A green run that left out half of the tests is worse than a red one: it is believed. So the closing lines group the skips by
reason, and a test that lacks a tool asks `missing_tool`, which on a build machine (CI=true) fails instead of skipping.
"""

import os
from collections import Counter
from typing import NoReturn

import pytest
from _pytest.terminal import TerminalReporter

LAST_PART = "tests/e2e/"


def missing_tool(reason: str) -> NoReturn:
    """Skips the running test because the machine lacks a tool; fails it where CI=true, as such a machine must have it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"with CI=true this must run: {reason}", pytrace=False)
    pytest.skip(reason)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the end-to-end tests last, so that a cheap test reports a fault before a dear one meets it."""
    items.sort(key=lambda item: item.nodeid.startswith(LAST_PART))


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print one line for each reason for which tests were skipped, or that nothing was."""
    terminalreporter.section("not run")
    versions = os.environ.get("STACKHOLD_E2E_VERSIONS", "all")
    if versions != "all":
        terminalreporter.write_line(
            f"end-to-end tests were asked for with CLI {versions} only; `make e2e-all` runs every version"
        )
    for line in summary_lines(terminalreporter.stats):
        terminalreporter.write_line(line)


def summary_lines(stats: dict[str, list[object]]) -> list[str]:
    """Return the closing lines for the reports of a run, most frequent reason first."""
    reasons = Counter(skip_reason(report) for report in stats.get("skipped", []) if isinstance(report, pytest.TestReport))
    # A file that skips itself as a whole is reported once, as a collected file.
    whole_files = [report for report in stats.get("skipped", []) if isinstance(report, pytest.CollectReport)]
    lines = [f"{count} skipped: {reason}" for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))]
    lines += [f"{report.nodeid} skipped as a whole: {skip_reason(report)}" for report in whole_files]
    if deselected := len(stats.get("deselected", [])):
        lines.append(f"{deselected} left out by the options of this run")
    return lines or ["nothing was skipped"]


def skip_reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the words a skip was given, on one line."""
    place = report.longrepr
    words = str(place[2]) if isinstance(place, tuple) else str(place)
    return " ".join(words.removeprefix("Skipped: ").split())
