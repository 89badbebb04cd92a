"""The history that the benchmark makes is one that Prefect reads as its own."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import httpx

from cct_ops.stack.postgres import EmbeddedPostgres
from evaluation.benchmarks.load import add_history


def test_the_runs_are_there_with_their_final_states(
    prefect_api_url: str, postgres: EmbeddedPostgres
) -> None:
    tag = f"history-{uuid4().hex}"
    with httpx.Client(base_url=prefect_api_url, timeout=30, trust_env=False) as prefect:
        flow = prefect.post("/flows/", json={"name": tag}).json()["id"]
        body = {"flow_id": flow, "tags": [tag], "state": {"type": "COMPLETED"}}
        template = prefect.post("/flow_runs/", json=body).raise_for_status().json()
        ended = {"state": {"type": "COMPLETED", "name": "Resolved"}, "force": True}
        prefect.post(f"/flow_runs/{template['id']}/set_state", json=ended).raise_for_status()

        add_history(postgres.asyncpg_url("prefect"), 20)

        wanted = {"flows": {"id": {"any_": [flow]}}}
        runs = prefect.post("/flow_runs/filter", json=wanted).raise_for_status().json()
    made = [run for run in runs if run["id"] != template["id"]]
    ages = [datetime.now(UTC) - datetime.fromisoformat(run["end_time"]) for run in made]
    assert len(made) == 20
    assert {run["state"]["name"] for run in made} == {"Resolved"}
    assert {run["state_id"] for run in made} == {run["state"]["id"] for run in made}
    assert len({run["state_id"] for run in made}) == 20
    assert 29 < max(ages).days <= 30
