"""The alerts and the dashboard speak of metrics that there are, and fire when they should."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
import yaml

from tests.conftest import ROOT
from tests.deployments.promtool import (
    FOLDER,
    PROMTOOL,
    RULES,
    Query,
    check_rules,
    promtool,
    queries,
)
from tests.exposed import exposed

needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="prometheus is not installed")

# What Prometheus and its library for Python tell of themselves.
NOT_OURS = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"}
# Of the language of queries; whatever else is a name is that of a metric or a label.
LABELS = re.compile(r"\{[^}]*\}|\b(?:by|without)\s*\([^)]*\)|\"[^\"]*\"|\[[^\]]*\]")
FUNCTIONS = {"max", "min", "sum", "rate", "increase", "absent", "or", "vector"}
FUNCTIONS |= {"histogram_quantile"}


class Case(NamedTuple):
    """An alert that fires at a moment, by these series: values are a minute apart."""

    series: dict[str, str]
    quiet: dict[str, str]
    labels: Mapping[str, str] = MappingProxyType({})
    value: str = ""
    at: str = "20m"


def of(metric: str, fires: str, quiet: str, shown: str = "", **labels: str) -> Case:
    """An alert about one metric of which nothing but the value matters."""
    return Case({metric: fires}, {metric: quiet}, labels, shown)


UP = {f'up{{job="cct-ops-{part}"}}': "1x30" for part in ("gateway", "controller", "worker")}
BREAKER = 'cct_ops_breakers_open{playbook="p",targets="pages",breaker="breaker, failed attempts"}'
DOWN = 'up{job="cct-ops-worker",instance="w:1"}'
PENDING = "cct_ops_dispatches_oldest_pending_seconds"
FAILURES = "cct_ops_controller_job_failures_total"
SLOW = {f'cct_ops_delivery_seconds_bucket{{le="{le}"}}': "0+60x30" for le in ("4", "+Inf")}
QUICK = {f'cct_ops_delivery_seconds_bucket{{le="{le}"}}': "0+60x30" for le in ("0.5", "+Inf")}
LATE = {f'cct_ops_worker_start_seconds_bucket{{le="{le}"}}': "0+60x30" for le in ("60", "+Inf")}
SOON = {f'cct_ops_worker_start_seconds_bucket{{le="{le}"}}': "0+60x30" for le in ("1", "+Inf")}
CASES = {
    "CctOpsPartDown": of(DOWN, "0x30", "1x30", job="cct-ops-worker", instance="w:1"),
    "CctOpsPartMissing": Case(dict(list(UP.items())[:2]), UP, {"job": "cct-ops-worker"}),
    "CctOpsPartSilent": of(
        'cct_ops_part_silent_seconds{part="gateway"}', "240x30", "20x30", "4m 0s", part="gateway"
    ),
    "CctOpsLedgerAway": of("cct_ops_ledger_up", "0x30", "1x30"),
    "CctOpsJobFails": of(f'{FAILURES}{{name="reaper"}}', "0+1x30", "0x30", name="reaper"),
    "CctOpsDeliveriesNotStored": of(
        'cct_ops_deliveries_total{source="a",outcome="not stored"}', "0x17 3x12", "3x30"
    ),
    "CctOpsDeliveriesWait": of("cct_ops_deliveries_oldest_waiting_seconds", "3x30", "0x30", "3s"),
    "CctOpsGatewaySlow": Case(SLOW, value="3.96s", quiet=QUICK),
    "CctOpsSendersRefused": of('cct_ops_refused_total{status="401"}', "0+5x30", "0+1x30"),
    "CctOpsDeliveriesNotUnderstood": of(
        'cct_ops_ledger{what="deliveries quarantined"}', "2x30", "0x30", "2"
    ),
    "CctOpsRunsNotStarted": of(f'{PENDING}{{purpose="remediate"}}', "90x30", "5x30", "1m 30s"),
    "CctOpsNoticesNotSent": of(f'{PENDING}{{purpose="notice"}}', "600x30", "60x30", "10m 0s"),
    "CctOpsDispatchesDeadLettered": of(
        'cct_ops_ledger{what="dispatches dead-lettered"}', "1x30", "0x30", "1"
    ),
    "CctOpsRunsStartSlowly": Case(LATE, value="57s", quiet=SOON),
    "CctOpsRunsCrash": of('cct_ops_crashed_runs_total{became="recovered"}', "0x15 1x15", "1x30"),
    "CctOpsCrashedRunOpen": of("cct_ops_crashed_runs_unsettled", "1x30", "0x30"),
    "CctOpsUndoFailed": of("cct_ops_gate_undo_failures_total", "0x15 1x15", "1x30"),
    "CctOpsTemporaryChangeOverdue": of(
        "cct_ops_temporary_changes_longest_overdue_seconds", "360x30", "120x30", "6m 0s"
    ),
    "CctOpsBreakerOpen": of(
        BREAKER,
        "1x30",
        "0x30",
        "1",
        playbook="p",
        targets="pages",
        breaker="breaker, failed attempts",
    ),
    "CctOpsApprovalWaits": of(
        "cct_ops_approvals_oldest_waiting_seconds", "660x30", "60x30", "11m 0s"
    ),
    "CctOpsKillSwitchPulled": Case(
        {"cct_ops_kill_switch_pulled": "1x90"},
        quiet={"cct_ops_kill_switch_pulled": "0x60 1x30"},
        at="80m",
    ),
    "CctOpsPageReachesNobody": of(
        "cct_ops_pages_oldest_waiting_seconds", "180x30", "5x30", "3m 0s"
    ),
    "CctOpsMessagesFail": of('cct_ops_messages_total{result="failed"}', "0+1x30", "0x30"),
    "CctOpsCheckpointLate": of("cct_ops_checkpoint_unsigned_seconds", "900x30", "60x30", "15m 0s"),
    "CctOpsAuditStreamBehind": of(
        'cct_ops_audit_stream_behind_seconds{stream="siem"}',
        "2400x30",
        "30x30",
        "40m 0s",
        stream="siem",
    ),
    "CctOpsLogNotWitnessed": of(f'{FAILURES}{{name="transparency log"}}', "0+1x30", "0x30"),
}


def metrics_in(query: str) -> set[str]:
    """Return the names of the metrics that a query is about."""
    return set(re.findall(r"[a-zA-Z_:]\w*", LABELS.sub(" ", query))) - FUNCTIONS


@pytest.mark.parametrize("query", [*queries()], ids=lambda query: str(query.place))
def test_every_query_is_about_metrics_that_a_part_shows(query: Query) -> None:
    """And about labels that these have; a name that was changed would leave an empty panel."""
    known = {series: each for each in exposed() for series in each.series}
    names = metrics_in(query.text)

    assert names - known.keys() - NOT_OURS == set()
    for name, selected in re.findall(r"(\w+)\{([^}]*)\}", query.text):
        if name in known:
            assert set(re.findall(r"(\w+)\s*=", selected)) <= set(known[name].labels)
    grouped = {
        label.strip()
        for labels in re.findall(r"\bby\s*\(([^)]*)\)", query.text)
        for label in labels.split(",")
    }
    labels = {label for name in names & known.keys() for label in known[name].labels}
    assert grouped - labels <= {"le", "job"}


def test_every_alert_says_what_it_means_and_what_to_do() -> None:
    """With a page that is there, and a heading of its own on it."""
    headings = {
        line.removeprefix("### ").lower()
        for line in (ROOT / "docs" / "monitoring.md").read_text().splitlines()
        if line.startswith("### ")
    }
    for rule in RULES:
        said = rule["annotations"]
        page, _, anchor = said["runbook"].partition("#")
        assert page == "docs/monitoring.md", rule["alert"]
        assert anchor in headings, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket", "none"}
        assert said["summary"]
        assert len(said["description"]) > 100
        for other in re.findall(r"\bdocs/[\w/.-]+\.md", said["description"]):
            assert (ROOT / other).is_file(), other


def test_alerts_about_a_job_name_one_that_there_is() -> None:
    jobs = (ROOT / "src" / "cct_ops" / "controller" / "jobs.py").read_text()
    named = {name for query in queries() for name in re.findall(r'\bname="([^"]+)"', query.text)}

    assert named
    assert {name for name in named if f'"{name}"' not in jobs} == set()


@needs_promtool
def test_prometheus_can_read_every_query(tmp_path: Path) -> None:
    """Those of the dashboard as if they were rules."""
    assert promtool("check", "config", str(FOLDER / "prometheus.yaml")).returncode == 0
    recorded = [
        {"record": f"checked:{at}", "expr": query.text} for at, query in enumerate(queries())
    ]
    checked = check_rules(tmp_path / "rules.yaml", recorded)

    assert checked.returncode == 0, checked.stderr
    assert f"{len(recorded)} rules found" in checked.stdout


@needs_promtool
def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    always = {"CctOpsWatchdog": Case({"up": "1x30"}, {})}
    cases = CASES | always
    assert {rule["alert"] for rule in RULES} == cases.keys()
    tests = [_test(cases[rule["alert"]], rule, fires=True) for rule in RULES]
    tests += [_test(CASES[rule["alert"]], rule, fires=False) for rule in RULES[:-1]]
    path = tmp_path / "tests.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(FOLDER / "alerts.yaml")],
                "evaluation_interval": "1m",
                "tests": tests,
            }
        )
    )

    tested = promtool("test", "rules", str(path))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def _test(case: Case, rule: dict[str, Any], *, fires: bool) -> dict[str, Any]:
    series = case.series if fires else case.quiet
    expected = {
        "exp_labels": {**case.labels, **rule["labels"]},
        "exp_annotations": {
            name: _filled(text, case) for name, text in rule["annotations"].items()
        },
    }
    alert = {
        "alertname": rule["alert"],
        "eval_time": case.at,
        "exp_alerts": [expected] if fires else [],
    }
    return {
        "name": f"{rule['alert']} {'fires' if fires else 'is quiet'}",
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [alert],
    }


def _filled(text: str, case: Case) -> str:
    """Return a text as Prometheus shows it for a case."""
    for name, value in case.labels.items():
        text = text.replace(f"{{{{ $labels.{name} }}}}", value)
    return re.sub(r"\{\{ \$value[^}]*\}\}", case.value, text)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    """Each panel has its own number, its place, a sentence, and asks the chosen Prometheus."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    panels = dashboard["panels"]
    shown = [panel for panel in panels if panel["type"] != "row"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["datasource"]
    taken: set[tuple[int, int]] = set()
    for panel in shown:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["description"]
        asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {each["uid"] for each in asked} == {"${datasource}"}
