"""A person takes over a run at work from its incident's page: what is offered, and what it does."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, ViewportSize

from cct_ops.ledger.gate import leases, permits, switches, takeovers
from cct_ops.ledger.people import acknowledgements
from cct_ops.ledger.record import account as runs
from cct_ops.models.role import Role
from cct_ops.models.run import Outcome, Run
from cct_ops.record import account
from tests.board.conftest import SignedIn
from tests.board.test_browser import PHONE, WIDE, keep, sign_in
from tests.board.test_doing_in_browser import readable
from tests.chromium import needs_chromium
from tests.ledger.alerts import opened
from tests.ledger.history import CALL, TARGET, a_run, permitted, plan

PATH = "/incidents/{}/takeover"


@pytest.fixture
def run(engine: sa.Engine) -> Run:
    """A run that watches what it changed."""
    found = a_run(incident_id=opened(engine))
    permit = permitted(engine, found, plan())
    leases.touch(engine, found.id, 60)
    with permits.Checker(engine, found.id).check(permit, CALL):
        pass
    permits.confirm(engine, permit, CALL)
    return found


def wish(run: Run, choice: str = "stop and keep", **more: str) -> dict[str, str]:
    """What the form sends."""
    given = {"run_id": str(run.id), "choice": choice, "reason": "it makes things worse"}
    return given | {"hours": "4", "back": f"/incidents/{run.incident_id}"} | more


def shown(html: str) -> str:
    """Return a page's text, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("&#39;", "'").split())


def test_each_way_says_what_it_does_to_this_very_run(signed_in: SignedIn, run: Run) -> None:
    text = shown(signed_in(Role.RESPONDER).get(f"/incidents/{run.incident_id}").text)

    assert f"auto-rollback on {TARGET} watches what it changed" in text
    assert (
        "Stop and undo It ends within two seconds. What it changed is taken back by"
        f" reset_canary(route='{TARGET}'), and looked at afterwards." in text
    )
    assert f"What it changed stays as it is: reset_canary(route='{TARGET}')." in text
    assert "It changes nothing any more, and takes nothing back, whatever it sees." in text


def test_a_viewer_sees_the_run_and_no_button(signed_in: SignedIn, run: Run) -> None:
    page = signed_in(Role.VIEWER).get(f"/incidents/{run.incident_id}").text

    assert "A playbook is at work" in page
    assert "/takeover" not in page


def test_it_is_on_record_under_the_name_of_whoever_is_signed_in(
    signed_in: SignedIn, engine: sa.Engine, run: Run
) -> None:
    """With the hold of the target, and the incident."""
    person = signed_in(Role.RESPONDER)

    answer = person.send(PATH.format(run.incident_id), **wish(run))

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/incidents/{run.incident_id}",
    )
    page = shown(person.get(f"/incidents/{run.incident_id}").text)
    assert "You took it over: stop and keep. It ends within two seconds." in page
    assert "Anna Ito has taken it over: stop and keep. it makes things worse" in page
    taken = takeovers.of_run(engine, run.id)
    assert taken is not None
    assert (taken.person, taken.choice) == ("Anna Ito", "stop and keep")
    assert switches.held(engine) == [TARGET]
    assert isinstance(run.incident_id, UUID)
    assert acknowledgements.holders(engine, [run.incident_id])[run.incident_id].person == "Anna Ito"
    told = account.read(engine, run.incident_id)
    assert told is not None
    (entry,) = [each for each in told.entries if each.kind == "takeover"]
    assert entry.actor.proof == "signed in on the board by a one-time link, made by root"


def test_the_second_one_is_told_who_was_first(signed_in: SignedIn, run: Run) -> None:
    anna, ben = signed_in(Role.RESPONDER), signed_in(Role.RESPONDER, "Ben Okafor")
    anna.send(PATH.format(run.incident_id), **wish(run))

    answer = ben.send(PATH.format(run.incident_id), **wish(run, "stop and undo"))

    assert answer.status_code == 409
    assert "Anna Ito has taken this run over already" in answer.text


def test_without_a_reason_nothing_is_done(signed_in: SignedIn, engine: sa.Engine, run: Run) -> None:
    """It says so beside the field."""
    answer = signed_in(Role.RESPONDER).send(PATH.format(run.incident_id), **wish(run, reason=" "))

    assert answer.status_code == 409
    assert "Say why: whoever reads of it will ask." in answer.text
    assert takeovers.of_run(engine, run.id) is None


@pytest.mark.parametrize(
    ("bad", "status"),
    [
        ({"choice": "explode"}, 404),
        ({"run_id": "none"}, 404),
        ({"hours": "9999"}, 409),
        ({"hours": ""}, 409),
        ({"run_id": "0d8f6a6e-6a0c-4b53-9a5e-3f1f2f7c9b11"}, 409),
    ],
)
def test_what_no_form_offers_is_refused(
    signed_in: SignedIn, engine: sa.Engine, run: Run, bad: dict[str, str], status: int
) -> None:
    answer = signed_in(Role.RESPONDER).send(PATH.format(run.incident_id), **wish(run, **bad))

    assert answer.status_code == status
    assert takeovers.of_run(engine, run.id) is None


def test_of_one_that_has_ended_nothing_is_offered(
    signed_in: SignedIn, engine: sa.Engine, run: Run
) -> None:
    """A page from before is told how it ended."""
    runs.record_outcome(engine, run, TARGET, Outcome.RESOLVED, "It serves.")
    person = signed_in(Role.RESPONDER)

    answer = person.send(PATH.format(run.incident_id), **wish(run))

    assert "A playbook is at work" not in person.get(f"/incidents/{run.incident_id}").text
    assert answer.status_code == 409
    assert "This run has ended already: Resolved. It serves." in answer.text


@needs_chromium
@pytest.mark.parametrize(("size", "name"), [(WIDE, "takeover"), (PHONE, "takeover-phone")])
def test_it_is_done_in_three_steps_without_scripts(
    browser: Browser,
    address: str,
    engine: sa.Engine,
    run: Run,
    tmp_path: Path,
    size: ViewportSize,
    name: str,
) -> None:
    """Enter in the field chooses none of the three; axe finds nothing, folded open."""
    scripted = browser.new_context(viewport=size)
    page = sign_in(scripted, address, engine, Role.RESPONDER)
    page.goto(f"{address}/incidents/{run.incident_id}")
    page.get_by_text("Take it over").click()
    keep(page, name, tmp_path, whole=False)
    readable(page)
    scripted.close()

    context = browser.new_context(java_script_enabled=False, viewport=size)
    page = sign_in(context, address, engine, Role.RESPONDER)
    page.goto(f"{address}/incidents/{run.incident_id}")
    page.get_by_text("Take it over").click()
    page.get_by_label("Why").fill("the release is broken")
    page.keyboard.press("Enter")
    assert takeovers.of_run(engine, run.id) is None
    page.get_by_role("button", name="Keep watching only").click()

    page.get_by_text("You took it over: keep watching only.").wait_for()
    taken = takeovers.of_run(engine, run.id)
    assert taken is not None
    assert (taken.choice, taken.reason) == ("keep watching only", "the release is broken")
    context.close()
