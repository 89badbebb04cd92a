"""
Each playbook is started from its form: on the board, and in both of Prefect's UIs.

The pool is paused meanwhile, so that the runs are made and none of them begins. The forms are
filled in by their schema, so that a new playbook is tried as soon as it is in the registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from playwright.sync_api import Page, expect
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.client.schemas.objects import FlowRun

from cct_ops.clients.parameters import resolved
from cct_ops.ledger.people import sign_ins
from cct_ops.models.role import Role
from tests.chromium import needs_chromium
from tests.conftest import ROOT
from tests.end_to_end.conftest import Stack
from tests.end_to_end.test_forms_in_prefect import (
    PATIENCE,
    UIS,
    opened,
    page,
    sent,
    shows_its_fields,
)

__all__ = ["page"]

REGISTRY = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
PLAYBOOKS = [each["name"] for each in REGISTRY]
POOL = "cct-ops"
PICKED = "change_id"
"""What is picked on the board from what there is, which may be nothing."""

pytestmark = [needs_chromium, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def made(stack: Stack) -> Iterator[list[UUID]]:
    """The runs that are made: none begins, and in the end they are gone."""
    stack.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=True))
    runs: list[UUID] = []
    try:
        yield runs
    finally:
        for run in runs:
            stack.client.delete_flow_run(run)
        stack.client.update_work_pool(POOL, WorkPoolUpdate(is_paused=False))


@pytest.fixture(scope="module")
def board(stack: Stack, page: Page) -> Iterator[Page]:
    """A tab of a responder."""
    link = sign_ins.make_link(stack.engine, "Anna Ito", Role.RESPONDER, "root")
    browser = page.context.browser
    assert browser is not None
    tab = browser.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(f"{stack.board}/links/{link}")
    tab.get_by_role("button", name="Sign in as Anna Ito").click()
    expect(tab.locator("#live")).to_have_text("live", timeout=PATIENCE)
    yield tab
    tab.close()


def wanted(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what has to be filled in: all that is required, and that it only looks."""
    filled: dict[str, Any] = {}
    for name in schema.get("required", ()):
        part = resolved(schema["properties"][name], schema)
        if "enum" in part:
            filled[name] = part["enum"][-1]
        elif part["type"] == "integer":
            filled[name] = int(part["minimum"]) + 1
        else:
            filled[name] = str(uuid4())
    if "mode" in schema["properties"]:
        filled["mode"] = "observe"
    return filled


def schema_of(stack: Stack, playbook: str) -> dict[str, Any]:
    found = stack.client.read_deployment_by_name(f"{playbook}/{playbook}")
    return dict(found.parameter_openapi_schema or {})


def as_filled(run: FlowRun, filled: dict[str, Any]) -> bool:
    """Whether the run has the parameters that were filled in."""
    return {name: run.parameters.get(name) for name in filled} == filled


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_on_the_board(stack: Stack, board: Page, made: list[UUID], playbook: str) -> None:
    """By the name of whoever filled it in."""
    filled = wanted(schema_of(stack, playbook))
    board.goto(f"{stack.board}/playbooks/{playbook}")
    if PICKED in filled:
        there = board.locator(f"select[name=p-{PICKED}] option[value]:not([value=''])")
        if there.count() == 0:
            return  # there is none that could be picked, and no other is taken
        filled[PICKED] = there.first.get_attribute("value")

    for name, value in filled.items():
        field = board.locator(f"[name='p-{name}']")
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))
    board.get_by_role("button", name=f"Start {playbook}", exact=True).click()

    expect(board.get_by_text(f"You started {playbook}")).to_be_visible()
    made.append(UUID(board.url.partition("?run=")[2]))
    run = stack.client.read_flow_run(made[-1])
    assert as_filled(run, filled), run.parameters
    assert "started-by:Anna Ito" in run.tags


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_on_the_board_what_does_not_fit_starts_nothing(
    stack: Stack, board: Page, made: list[UUID], playbook: str
) -> None:
    """Nor where no browser holds it up; the page says at which field, and in a sentence."""
    properties = schema_of(stack, playbook)["properties"]
    if all(part.get("type") == "array" for part in properties.values()):
        return  # marks alone: of these there are no others than those that are shown
    board.goto(f"{stack.board}/playbooks/{playbook}")
    token = board.locator("[name=form_token]").first.get_attribute("value") or ""
    form: dict[str, str | float | bool] = {"form_token": token}
    form |= {f"p-{name}": "no such thing" for name in properties}

    answer = board.context.request.post(
        f"{stack.board}/playbooks/{playbook}", form=form, headers={"Origin": stack.board}
    )

    assert answer.status == 409
    assert f"{playbook} was not started: something does not fit." in answer.text()
    assert 'aria-invalid="true"' in answer.text()


@pytest.mark.parametrize("ui", UIS)
@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_in_prefect(stack: Stack, page: Page, made: list[UUID], playbook: str, ui: str) -> None:
    filled = wanted(schema_of(stack, playbook))
    """Its fields stand in order, and the run has what was filled in."""
    deployment = opened(page, stack, ui, playbook)
    shows_its_fields(page, deployment)
    properties = (deployment.parameter_openapi_schema or {})["properties"]
    fill = fill_newer if ui == "newer" else fill_older

    for name, value in filled.items():
        fill(page, properties[name]["title"], value)
    made.append(sent(page))

    run = stack.client.read_flow_run(made[-1])
    assert as_filled(run, filled), run.parameters


def fill_newer(page: Page, title: str, value: object) -> None:
    """Fill in one field of the form in the newer UI."""
    choice = page.get_by_role("button", name=f"Select {title}", exact=True)
    if choice.count():
        choice.click()
        page.get_by_role("option", name=str(value), exact=True).click()
    else:
        page.get_by_label(title).fill(str(value))


def fill_older(page: Page, title: str, value: object) -> None:
    """Fill in one field of the form in the older UI."""
    label = page.locator(".schema-form-property__label").filter(has_text=title)
    field = page.locator(".schema-form-property").filter(has=label).last
    choice = field.locator("button.p-select-button__control")
    if choice.count():
        choice.focus()
        page.keyboard.press("ArrowDown")
        page.get_by_role("option", name=str(value), exact=True).click()
    else:
        field.locator("textarea, input").first.fill(str(value))
