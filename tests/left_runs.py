"""Runs that earlier tests left in the Prefect server that all tests of a process share."""

from __future__ import annotations

from tests.plain import HTTP

_UNDER_WAY = {"flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}}


def forget(api_url: str) -> None:
    """Delete those that are under way, which whoever asks for all runs would wait for or reap."""
    found = HTTP.post(f"{api_url}/flow_runs/filter", json=_UNDER_WAY).raise_for_status().json()
    for run in found:
        HTTP.delete(f"{api_url}/flow_runs/{run['id']}").raise_for_status()
