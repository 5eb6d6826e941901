"""The alert rules and the dashboard: they read metrics that exist, and each alert fires on its fault."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from common.telemetry.instruments import INSTRUMENTS, Instrument, Kind
from tests.infra.prometheus_tools import find_tool

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "infra" / "prometheus" / "alerts.yaml"
DASHBOARD = ROOT / "infra" / "grafana" / "stackhold.json"
RULES: list[dict[str, Any]] = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
# Alert → a series, with its values a minute apart, that means its fault.
FAULTS = {
    "StackholdDown": ('up{job="stackhold",instance="a"}', "0x60"),
    "StackholdDatabaseDown": ('stackhold_database_up{instance="a"}', "0x60"),
    "StackholdErrors": (
        'http_server_request_duration_seconds_count{instance="a",http_response_status_code="500"}',
        "0+60x60",
    ),
    "StackholdSlow": ('http_server_request_duration_seconds_bucket{instance="a",le="10"}', "0+60x60"),
    "StackholdStoreFails": ('stackhold_store_duration_seconds_count{instance="a",result="error"}', "0+60x60"),
    "StackholdKeyServiceFails": ('stackhold_key_service_duration_seconds_count{instance="a",result="error"}', "0+60x60"),
    "StackholdUpdateDamaged": ('stackhold_updates_total{instance="a",result="damaged"}', "0x50 1x10"),
    "StackholdLeasesExpired": ('stackhold_expired_leases{instance="a"}', "2x60"),
    "StackholdJobLate": ('stackhold_job_lateness_seconds{instance="a",job="x"}', "0+60x60"),
    "StackholdJobFails": ('stackhold_job_failed{instance="a",job="x"}', "1x60"),
    "StackholdOutboxOld": ('stackhold_outbox_age_seconds{instance="a"}', "15000+60x60"),
    "StackholdMessagesGivenUp": ('stackhold_outbox_messages{instance="a",state="failed"}', "3x60"),
    "StackholdFailedSignIns": ('stackhold_sign_ins_total{instance="a",result="failed"}', "0+10x60"),
}
# What the same series are without a fault.
HEALTHY = {
    "StackholdDown": "1x60",
    "StackholdDatabaseDown": "1x60",
    "StackholdErrors": "5x60",
    "StackholdSlow": "7x60",
    "StackholdStoreFails": "1x60",
    "StackholdKeyServiceFails": "1x60",
    "StackholdOutboxOld": "30x60",
}


def sample_names(instrument: Instrument) -> dict[str, set[str]]:
    """The names of an instrument's samples, with the labels of each."""
    name, labels = instrument.prometheus_name, {label.replace(".", "_") for label in instrument.labels}
    if instrument.kind is not Kind.HISTOGRAM:
        return {name: labels}
    return {f"{name}_count": labels, f"{name}_sum": labels, f"{name}_bucket": {*labels, "le"}}


SAMPLES = {"up": {"job"}} | {name: labels for one in INSTRUMENTS for name, labels in sample_names(one).items()}


def unknown_names(expression: str) -> set[str]:
    """What an expression reads or groups by that no metric has."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    metrics = set(re.findall(r"\b(?:stackhold|http|db)_\w+(?=[{\[\s)]|$)|\bup(?={)", bare))
    selected = {label for part in re.findall(r"\{([^}]*)\}", bare) for label in re.findall(r"(\w+)\s*[=!]", part)}
    grouped = {label.strip() for part in re.findall(r"\bby \(([^)]*)\)", bare) for label in part.split(",")}
    named = metrics - grouped - selected
    known = {"instance"}.union(*(SAMPLES.get(name, set()) for name in named))
    return {name for name in named if name not in SAMPLES} | ((selected | grouped) - known)


def dashboard_expressions() -> list[str]:
    """The queries of the dashboard's panels."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


class TestNames:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
    def test_of_alerts_exist(self, rule: dict[str, Any]) -> None:
        """An alert reads metrics and labels that there are, and says what to do."""
        assert set() == unknown_names(rule["expr"])
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "action"} == set(rule["annotations"])

    def test_of_the_dashboard_exist(self) -> None:
        """A panel reads metrics and labels that there are, and every metric has a panel."""
        expressions = dashboard_expressions()
        text = " ".join(expressions)

        assert len(expressions) > 20
        assert {} == {one: unknown for one in expressions if (unknown := unknown_names(one))}
        assert [] == [one.prometheus_name for one in INSTRUMENTS if one.prometheus_name not in text]

    def test_that_are_wrong_are_found(self) -> None:
        """A metric or a label that is not there is found."""
        assert {"stackhold_nothing"} == unknown_names("rate(stackhold_nothing[5m])")
        assert {"flavour"} == unknown_names('sum by (flavour) (stackhold_updates_total{kind="x"})')


class TestRules:
    def test_are_valid(self, tmp_path: Path) -> None:
        """Prometheus itself takes the rules and the configuration."""
        promtool = find_tool("promtool")
        for name in ("alerts.yaml", "prometheus.yaml"):
            (tmp_path / name).write_bytes((ALERTS.parent / name).read_bytes())
        (tmp_path / "secret").touch()
        ended = subprocess.run(
            [promtool, "check", "config", "prometheus.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

        assert 0 == ended.returncode, ended.stdout + ended.stderr
        assert f"{len(RULES)} rules found" in ended.stdout

    def test_fire_on_their_fault(self, tmp_path: Path) -> None:
        """Each alert fires after an hour of its fault, alone but for none, and stays silent without it."""
        assert set(FAULTS) == {rule["alert"] for rule in RULES}
        (tmp_path / "alerts.yaml").write_bytes(ALERTS.read_bytes())
        tests = [_case(alert, FAULTS[alert][1], fires=True) for alert in FAULTS]
        tests += [_case(alert, HEALTHY.get(alert, "0x60"), fires=False) for alert in FAULTS]
        document = {"rule_files": ["alerts.yaml"], "evaluation_interval": "1m", "tests": tests}
        (tmp_path / "tests.yaml").write_text(yaml.safe_dump(document), "utf-8")
        ended = subprocess.run(
            [find_tool("promtool"), "test", "rules", "tests.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

        assert 0 == ended.returncode, ended.stdout + ended.stderr


def _case(alert: str, values: str, *, fires: bool) -> dict[str, Any]:
    """A test of promtool: what an alert does with a series after an hour. Of what fires, the texts are not compared."""
    series = FAULTS[alert][0]
    selector = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    others = []
    if alert == "StackholdSlow":
        others = [{"series": series.replace('"10"', '"+Inf"'), "values": "0+120x60" if fires else "7x60"}]
    return {
        "interval": "1m",
        "name": f"{alert} {'fires' if fires else 'is silent'}",
        "input_series": [{"series": series, "values": values}, *others],
        "promql_expr_test": [{"expr": f"sum({selector})", "eval_time": "58m", "exp_samples": samples}],
    }
