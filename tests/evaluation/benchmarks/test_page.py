"""The page of the benchmark: its words, its goals and its tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.benchmarks import report
from evaluation.benchmarks.page import Goal
from evaluation.benchmarks.way import GOALS, STAGES
from tests.conftest import ROOT

STORM: dict[str, Any] = {
    "incidents": 1000,
    "lost": 1,
    "stored": {"deliveries": 1000},
    "sent_again": 0,
    "door_median_seconds": 0.5,
    "door_p99_seconds": 1.0,
    "door_worst_seconds": 1.5,
    "all_answered_seconds": 1.6,
    "most_waiting": 940,
    "none_waits_seconds": 3.0,
    "all_ended_seconds": 30.0,
    "became": {"remediate: grouped": 990, "remediate: sent": 9},
    "runs": {"Nothing to do": 9},
    "worst_answer_seconds": {"the UI's page": 0.4},
    "unanswered": {"the UI's page": 0},
}


@pytest.mark.parametrize(
    ("limit", "measured", "verdict"),
    [
        (0.5, 0.5, "met"),
        (0.5, 1.25, "missed by 0.75, 2.5 times as much"),
        (0, 2, "missed by 2"),
        (0.5, None, "not measured"),
        (None, 0.5, "not measured"),
    ],
)
def test_a_goal_that_is_missed_says_by_how_much(
    limit: float | None, measured: float | None, verdict: str
) -> None:
    assert Goal("a goal", limit, measured).row[-1] == verdict


def test_the_page_has_each_side_each_goal_and_why_a_side_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, parts = report.summary([0.2, 0.4]), {"prefect": 0.5, "sink": 99.0}
    crowd: dict[str, Any] = dict.fromkeys(
        ["all_answered", "median_first_get", "last_first_get", "last_begun", "all_ended"], 7.0
    )
    crowd = {f"{name}_seconds": seconds for name, seconds in crowd.items()}
    crowd |= {"incidents": 100, "lost": 0, "ui_unanswered": 0, "cpu_seconds_per_run": parts}
    crowd |= {"ui_median_seconds": 0.1, "ui_worst_seconds": 1.0}
    spent = {"seconds": 0.25, "statements": 7.4}
    steps = ["answered", "created", "notified", "claimed", "running", "probing", "arrived"]
    monkeypatch.setattr(report, "FOLDER", tmp_path)

    report.write(
        "made-up",
        {
            "measured_on": "2026-01-01",
            "machine": report.machine(),
            "load_average_after": [1.0, 2.0, 3.0],
            "first_get": {"ours": row, "procrastinate": report.summary([0.1]), "stock": row},
            "not_measured": {"celery": "there is no redis-server on PATH"},
            "steps": {"ours": dict.fromkeys(steps, row), "stock": dict.fromkeys(steps, row)},
            "first_write": row,
            "crowds": [crowd],
            "rivals_crowds": {"procrastinate": [crowd]},
            "way": dict.fromkeys((*STAGES, *GOALS, "rest"), spent),
            "storm": STORM,
            "with_history": {"runs": 9, "first_get": row, "ten_at_once": crowd | {"incidents": 10}},
            "start_of_the_stack": {"the whole stack": 21.0},
            "intake": {"per_second": 75.0, "p99_seconds": 0.4},
            "validate": report.summary([3.0]),
            "diagnosis": {
                "sequential_curl_median_seconds": 0.1,
                "parallel_probes_median_seconds": 0.6,
            },
            "idle": {
                "cpu_percent_of_one_core": parts,
                "memory_mib": {"prefect": 800.0, "sink": 9.0},
                "own_mib_of_a_waiting_process": 5.0,
                "rss_mib_of_a_waiting_process": 269.0,
            },
        },
    )

    page = (tmp_path / "made-up.md").read_text()
    assert "## From the POST of an alert to its first GET at CCT" in page
    assert "| ours | 2 | 0.300 s | 0.400 s | 0.400 s | 0.400 s | 1.00 |" in page
    assert "| procrastinate | 1 | 0.100 s | 0.100 s | 0.100 s | 0.100 s | 0.33 |" in page
    assert "| celery |  | not measured: there is no redis-server on PATH |" in page
    assert "checks no sender, de-duplicates nothing, guards nothing, verifies nothing" in page
    assert "or twice procrastinate's | 0.2 | 0.3 | missed by 0.1, 1.5 times as much |" in page
    assert "that of DBOS's queue |  | 0.3 | not measured |" in page
    assert "the last run has begun, s | 25 | 7 | met |" in page
    assert "| 1000 at once, as shipped: lost | 0 | 1 | missed by 1 |" in page
    assert "| the first look | 0.250 | 7 |" in page
    assert "| what became of them | remediate: grouped 990, remediate: sent 9 |" in page
    assert "idle: CPU, % of one core | 3 | 0.5 | met |" in page
    assert "idle: memory, MiB | 700 | 800 | missed by 100, 1.1 times as much |" in page
    assert "to its first GET at CCT" in (tmp_path / "made-up.svg").read_text()
    assert json.loads((tmp_path / "made-up.json").read_text())["measured_on"] == "2026-01-01"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("evaluation/benchmarks/page.py", "to its first GET"),
        ("evaluation/benchmarks/report.py", "{TITLE}"),
        ("docs/benchmarks/results.md", "to its first GET"),
        ("docs/benchmarks/results.svg", "to its first GET"),
    ],
)
def test_what_stops_at_the_first_get_is_called_so(name: str, title: str) -> None:
    text = (ROOT / name).read_text()

    assert title in text
    assert "to its first probe" not in text
    assert "alert -> first probe" not in text
    assert "alert to its first action" not in text
    assert "alert -> first action" not in text
