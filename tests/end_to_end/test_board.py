"""
A playbook is started from its form on the board, in a real browser, and stands on its page.

With PICTURES=docs/images it also renews the picture in the documentation.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from cct_ops.board.start_form import Offered, fields
from cct_ops.clients.parameters import judged
from cct_ops.ledger.people import sign_ins
from cct_ops.models.role import Role
from cct_ops.models.run import Mode
from evaluation.chromium import chromium
from tests.chromium import needs_chromium
from tests.end_to_end.conftest import Stack
from tests.stack.polling import eventually

PATIENCE = 60_000
# Parameters without which a playbook cannot be started; all others are filled in already.
FOUND = {"target", "about", "run_id", "change_id", "minutes", "reason"}

pytestmark = [needs_chromium, pytest.mark.timeout(300)]


def test_a_run_is_started_from_the_board_by_name(stack: Stack, tmp_path: Path) -> None:
    """A value that does not fit is refused in the form; the run is in the record by its person."""
    link = sign_ins.make_link(stack.engine, "Anna Ito", Role.RESPONDER, "root")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{stack.board}/links/{link}")
        page.get_by_role("button", name="Sign in as Anna Ito").click()
        page.get_by_role("link", name="Playbooks").click()
        expect(page.get_by_role("link", name="Start auto-rollback")).to_be_visible()
        page.get_by_role("link", name="Start auto-rollback").click()
        page.get_by_label("Target").select_option("/daily-summary")
        page.get_by_label("Mode").select_option("observe")
        expect(page.get_by_label("P95 latency")).to_be_hidden()
        page.get_by_label("Option").select_option("raise-thresholds")
        expect(page.get_by_label("P95 latency")).to_be_visible()
        page.get_by_label("Option").select_option("restore")
        page.get_by_label("Minutes").fill("1441")
        folder = Path(os.environ.get("PICTURES", tmp_path))
        page.screenshot(path=folder / "board-playbook.png")

        page.get_by_role("button", name="Start auto-rollback").click()
        assert not page.get_by_label("Minutes").evaluate("field => field.checkValidity()")
        page.get_by_label("Minutes").fill("5")
        page.get_by_role("button", name="Start auto-rollback").click()

        expect(page.get_by_text("You started auto-rollback")).to_be_visible()
        run_id = run_of(page)
        eventually(lambda: stack.state(run_id).is_final(), seconds=180)
        assert stack.state(run_id).is_completed()
        page.get_by_role("link", name="its record").click()
        expect(page.get_by_text("started by Anna Ito").first).to_be_visible()
    run = stack.client.read_flow_run(run_id)
    assert "started-by:Anna Ito" in run.tags
    assert run.parameters["minutes"] == 5


def run_of(page: Page) -> UUID:
    """Return the run that the address names."""
    return UUID(page.url.partition("?run=")[2])


def test_each_form_is_filled_in_but_for_what_nobody_can_guess(stack: Stack) -> None:
    """What it offers at first is what the schema takes."""
    for deployment in stack.client.read_deployments():
        schema = deployment.parameter_openapi_schema or {}
        made = fields(schema, Offered(ceiling=Mode.APPROVE))

        filled = {each.name: each.default for each in made if each.default}
        problems = judged(schema, filled)[1]

        assert [each.name for each in made] == sorted(
            schema["properties"], key=lambda name: schema["properties"][name]["position"]
        )
        assert {each.name for each in problems} <= FOUND, (deployment.name, problems)
        assert all(each.about for each in made), deployment.name
