"""`stackhold cost`: what this installation would cost a month in each cloud."""

import json

import pytest

from common.backend import Backend
from common.crypto import service_keys
from functions.server.cost_command import report_costs


@pytest.fixture
def installation(backend: Backend) -> Backend:
    """An installation that was started once."""
    service_keys.require_own_master_key(backend, "the test")
    return backend


def test_reports_counts_estimates_and_bills(installation: Backend) -> None:
    """The report says what was counted and what is estimated, and shows how each line of a bill was worked out."""
    lines: list[str] = []
    report_costs(installation.settings, as_json=False, report=lines.append)
    text = "\n".join(lines)

    assert "  0 updates and 0 previews, 0 batches of events\n" in text
    assert "\nEstimated\n  0 requests a month: 60 for each" in text
    assert "\nAWS, DatabaseKind=serverless, SnapStart=false: 17.1" in text
    assert "\n  MySQL B1ms: 730 h × 0.017 = 12.41\n" in text


def test_reports_the_same_as_json(installation: Backend) -> None:
    """With `--json` each bill has its sum and its lines, and the prices have a date and pages."""
    texts: list[str] = []
    report_costs(installation.settings, as_json=True, report=texts.append)
    report = json.loads(texts[0])

    assert ["AWS", "AWS", "AWS", "Azure"] == [bill["name"].partition(",")[0] for bill in report["bills"]]
    for bill in report["bills"]:
        assert bill["usd"] == pytest.approx(sum(line["usd"] for line in bill["lines"]), abs=0.05)
    assert report["pricesAsOf"]
    assert all(address.startswith("https://") for address in report["sources"].values())
    assert 5 == report["estimated"]["awakeHoursAMonth"] // 1
