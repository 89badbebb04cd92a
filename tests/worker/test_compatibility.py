"""What the warm worker builds on in Prefect, and what it does where that is not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefect.workers.base import BaseWorker

from cct_ops.stack.postgres import EmbeddedPostgres
from cct_ops.worker import compatibility
from cct_ops.worker.admission import STARTS_AT_ONCE
from cct_ops.worker.warm import WarmWorker
from tests.worker.running import Pool, notify


def test_this_prefect_is_as_the_warm_worker_knows_it() -> None:
    assert compatibility.find_incompatibilities() == []


def test_prefect_knows_the_worker_type_by_its_entry_point() -> None:
    assert BaseWorker.get_worker_class_from_type("warm") is WarmWorker


def test_another_prefect_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect.__version__", "3.9.0")
    monkeypatch.delattr("prefect.workers.base.BaseWorker._release_limit_slot")
    monkeypatch.setattr("prefect.workers.base.BaseWorker._propose_pending_state", print)

    assert compatibility.find_incompatibilities() == [
        "Prefect 3.9.0 is not tried",
        "prefect.workers.base:BaseWorker._propose_pending_state takes: args sep end file flush",
        "there is no prefect.workers.base:BaseWorker._release_limit_slot",
    ]


def test_with_another_prefect_it_is_a_process_worker(own_pool: Pool, tmp_path: Path) -> None:
    """Python runs sitecustomize before anything else: there this Prefect becomes another one."""
    (tmp_path / "sitecustomize.py").write_text("import prefect\nprefect.__version__ = '3.9.0'\n")
    run = own_pool.create(own_pool.deploy("ping"))
    with own_pool.worker(PYTHONPATH=str(tmp_path)) as worker:
        assert own_pool.ended(run, 60)["type"] == "COMPLETED"
        assert "Runs start slowly, as process worker: Prefect 3.9.0 is not tried" in worker.said()


@pytest.mark.parametrize("whole", [True, False], ids=["the whole run", "its id alone"])
def test_a_notification_starts_a_run_long_before_the_next_poll(
    whole: bool, notified: Pool, postgres: EmbeddedPostgres
) -> None:
    deployment = notified.deploy("ping")
    created = notified.ask("POST", f"/deployments/{deployment}/create_flow_run", {})
    odd = ("no run at all", "7", "null", "[1]", '"id"', '{"id": 5}', '{"id": "no id"}', "[[]]")
    notify(postgres, *odd, json.dumps(created if whole else {"id": created["id"]}))

    assert notified.ended(created["id"])["type"] == "COMPLETED"


def test_a_notification_that_comes_twice_starts_one_run(
    notified: Pool, postgres: EmbeddedPostgres
) -> None:
    path = f"/deployments/{notified.deploy('ping')}/create_flow_run"
    first = notified.ask("POST", path, {})
    notify(postgres, json.dumps(first))
    assert notified.ended(first["id"])["type"] == "COMPLETED"
    notify(postgres, json.dumps(first))
    second = notified.ask("POST", path, {})
    notify(postgres, json.dumps(second))  # when this one has run, the word before has been heard

    assert notified.ended(second["id"])["type"] == "COMPLETED"
    assert notified.run(first["id"])["run_count"] == 1


def test_of_many_runs_at_once_only_a_few_start_at_the_same_time(
    notified: Pool, postgres: EmbeddedPostgres
) -> None:
    path = f"/deployments/{notified.deploy('ping')}/create_flow_run"
    runs = [notified.ask("POST", path, {}) for _ in range(10)]
    notify(postgres, *map(json.dumps, runs))
    assert {notified.ended(run["id"], 60)["type"] for run in runs} == {"COMPLETED"}

    changes = []
    for run in runs:
        states = notified.ask("GET", f"/flow_run_states/?flow_run_id={run['id']}")
        at = {state["name"]: state["timestamp"] for state in states}
        changes += [(at["Pending"], 1), (at["Running"], -1)]
    starting = [sum(change for _, change in sorted(changes)[: n + 1]) for n in range(len(changes))]
    assert max(starting) <= STARTS_AT_ONCE


def test_a_notification_about_another_pool_starts_nothing(
    notified: Pool, pool: Pool, postgres: EmbeddedPostgres
) -> None:
    theirs = pool.ask("POST", f"/deployments/{pool.deploy('ping')}/create_flow_run", {})
    ours = notified.ask("POST", f"/deployments/{notified.deploy('ping')}/create_flow_run", {})
    notify(postgres, json.dumps(theirs), json.dumps(ours))

    assert notified.ended(ours["id"])["type"] == "COMPLETED"
    assert theirs["id"] not in notified_log(notified)


def notified_log(pool: Pool) -> str:
    """Return what the pool's workers said."""
    return "\n".join(log.read_text() for log in pool.project.glob("worker-*.log"))
