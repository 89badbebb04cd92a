"""
Runs from the start forms in both of Prefect's UIs, in a real browser.

With PICTURES=docs/images it also renews the picture in the documentation.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, Response, expect
from prefect.client.schemas.responses import DeploymentResponse

from cct_ops.models.cct import Route
from evaluation.chromium import chromium
from tests.chromium import needs_chromium
from tests.end_to_end.conftest import Stack
from tests.stack.polling import eventually

PATIENCE = 60_000
UIS = {"newer": "/v2", "older": ""}

pytestmark = [
    needs_chromium,
    pytest.mark.timeout(400),  # thirty pages on a busy machine
]


@pytest.fixture(scope="module")
def page(stack: Stack) -> Iterator[Page]:
    """A tab of somebody who has logged in, which holds for both UIs."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1100, "height": 1150})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{server(stack)}/v2/dashboard")
        page.locator("input").first.fill(stack.env["PREFECT_API_AUTH_STRING"])
        page.get_by_role("button", name="Login").click()
        expect(page.get_by_role("link", name="Deployments").first).to_be_visible(timeout=PATIENCE)
        yield page


def server(stack: Stack) -> str:
    """The address of both UIs."""
    return stack.env["PREFECT_API_URL"].removesuffix("/api")


def fields(deployment: DeploymentResponse) -> list[dict[str, Any]]:
    """What the form is made of, in its order."""
    found: dict[str, dict[str, Any]] = (deployment.parameter_openapi_schema or {})["properties"]
    return sorted(found.values(), key=lambda field: int(field["position"]))


def opened(page: Page, stack: Stack, ui: str, playbook: str) -> DeploymentResponse:
    """Open the form, and wait until its fields are there."""
    deployment = stack.client.read_deployment_by_name(f"{playbook}/{playbook}")
    page.goto(f"{server(stack)}{UIS[ui]}/deployments/deployment/{deployment.id}/run")
    for field in fields(deployment):
        words = field["description"].partition("`")[0].strip()  # the older one reads Markdown
        expect(page.get_by_text(words).first).to_be_visible(timeout=PATIENCE)
    return deployment


def made(response: Response) -> bool:
    """Whether this is the answer to a form that was sent."""
    return response.url.endswith("/create_flow_run")


def sent(page: Page) -> UUID:
    """Send the form; returns the run that it made."""
    with page.expect_response(made) as answer:
        page.get_by_role("button", name="Submit").click()
    assert answer.value.status == 201, answer.value.text()
    return UUID(answer.value.json()["id"])


def shows_its_fields(page: Page, deployment: DeploymentResponse) -> None:
    """Say that its fields stand in order, and that nobody is asked about types."""
    text = page.inner_text("body")
    lines = text[text.index("Parameters") : text.rindex("Start")].splitlines()
    titles = [field["title"] for field in fields(deployment)]
    shown = [line.removesuffix(" (Optional)") for line in lines]

    assert [line for line in shown if line in titles] == titles
    assert not {"None", "float", "int", "str", "uuid"} & set(lines)
    assert page.locator("textarea:visible").count() <= len(titles)  # and no JSON


def test_a_run_begins_as_its_form_was_filled_in(page: Page, stack: Stack, tmp_path: Path) -> None:
    """Its name is not the one that Prefect's form made up, and nothing empty was sent."""
    opened(page, stack, "newer", "auto-rollback")
    folder = Path(os.environ.get("PICTURES", tmp_path))
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / "form.png")

    page.get_by_text("Select", exact=True).first.click()
    page.get_by_role("option", name=Route.DAILY_SUMMARY.value).click()
    page.get_by_text("approve", exact=True).first.click()
    page.get_by_role("option", name="observe").click()
    run_id = sent(page)

    run = stack.client.read_flow_run(run_id)
    assert run.parameters == {
        "target": "/daily-summary",
        "option": "restore",
        "mode": "observe",
        "minutes": 60,
    }
    eventually(lambda: stack.state(run_id).is_final(), seconds=180)
    assert stack.state(run_id).is_completed()
    assert stack.client.read_flow_run(run_id).name == "auto-rollback /daily-summary"


def test_a_run_begins_from_the_older_form_too(page: Page, stack: Stack) -> None:
    opened(page, stack, "older", "incident-report")

    run_id = sent(page)

    eventually(lambda: stack.state(run_id).is_final(), seconds=180)
    assert stack.state(run_id).is_completed()
    assert stack.client.read_flow_run(run_id).name == "incident-report since 7d"


@pytest.mark.parametrize("ui", UIS)
def test_a_number_beyond_its_range_makes_no_run(page: Page, stack: Stack, ui: str) -> None:
    """The newer form says so at its field, the older one in Prefect's words."""
    opened(page, stack, ui, "chaos-experiment")
    minutes = page.get_by_role("spinbutton").first
    answers: list[int] = []
    page.on(
        "response", lambda response: answers.append(response.status) if made(response) else None
    )

    minutes.fill("31")
    page.get_by_role("button", name="Submit").click()

    if ui == "newer":
        words = minutes.evaluate("field => field.validationMessage")
        assert "30" in words
    else:
        expect(page.get_by_text("31 is greater than the maximum of 30").first).to_be_visible()
    assert 201 not in answers
