"""Links that people are sent: each leads where it says, in a browser that has never been there."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_UI_URL,
    temporary_settings,
)

from cct_ops import typed
from cct_ops.reports.links import run_link
from cct_ops.settings import Settings
from tests.chromium import browser, needs_chromium
from tests.stack.test_prefect_auth import Server, server

__all__ = ["browser", "server"]  # fixtures

PATIENCE = 60_000


@flow(name="linked")
def linked() -> None:
    """A flow that is never run."""


@needs_chromium
def test_a_link_to_a_run_leads_past_the_login_to_that_run(server: Server, browser: Browser) -> None:
    name = f"linked-{uuid4().hex[:8]}"
    settings = {
        PREFECT_API_URL: f"{server.url}/api",
        PREFECT_UI_URL: server.url,
        PREFECT_API_AUTH_STRING: server.auth,
    }
    with temporary_settings(settings):
        with get_client(sync_client=True) as client:
            run = client.create_flow_run(linked, name=name)
        link = run_link(run.id)
    assert link is not None
    page = browser.new_context().new_page()
    page.set_default_timeout(PATIENCE)

    page.goto(link)
    page.locator("input").first.fill(server.auth)
    page.get_by_role("button", name="Login").click()

    expect(page.get_by_text(name).first).to_be_visible(timeout=PATIENCE)
    assert f"/runs/flow-run/{run.id}" in page.url
    assert "Oops" not in page.inner_text("body")


def test_a_link_to_a_run_begins_with_the_address_that_people_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_id = uuid4()
    monkeypatch.setenv("CCT_OPS_PREFECT_UI_URL", "https://prefect.example/")

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:4200/api"}):
        assert run_link(run_id) == f"https://prefect.example/v2/runs/flow-run/{run_id}"


def test_a_run_in_prefect_cloud_is_linked_as_prefect_does_it() -> None:
    cloud = "https://api.prefect.cloud/api/accounts/a/workspaces/w"

    with temporary_settings({PREFECT_API_URL: cloud}):
        link = run_link(uuid4())

    assert link is not None
    assert link.startswith("https://app.prefect.cloud/")
    assert "/v2/" not in link


@pytest.mark.parametrize(
    ("host", "begins"),
    [
        ("0.0.0.0", "http://127.0.0.1:8330"),  # noqa: S104 -- where somebody may listen
        ("::", "http://[::1]:8330"),
        ("10.1.2.3", "http://10.1.2.3:8330"),
        ("fd00::1", "http://[fd00::1]:8330"),
    ],
)
def test_a_letter_never_links_to_all_addresses(
    monkeypatch: pytest.MonkeyPatch, host: str, begins: str
) -> None:
    monkeypatch.setenv("CCT_OPS_GATEWAY_HOST", host)
    monkeypatch.setenv("CCT_OPS_GATEWAY_PORT", "8330")
    assert Settings.load().gateway_links() == begins

    monkeypatch.setenv("CCT_OPS_GATEWAY_URL", "https://ops.example/")
    assert Settings.load().gateway_links() == "https://ops.example"


def test_commands_begin_with_what_works_in_the_projects_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / ".venv" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(inside))
    usual = tmp_path / ".cct-ops"

    assert typed.program_for(tmp_path, usual, usual) == ".venv/bin/cct-ops"
    elsewhere = typed.program_for(tmp_path, tmp_path / "a b", usual)
    assert elsewhere == f"CCT_OPS_DATA='{tmp_path}/a b' .venv/bin/cct-ops"
    away = typed.program_for(tmp_path / "project", usual, usual)
    assert away == f"{tmp_path}/.venv/bin/cct-ops"
    monkeypatch.setenv("CCT_OPS_COMMAND", away)
    assert typed.typed("why", "a b") == f"{away} why 'a b'"
