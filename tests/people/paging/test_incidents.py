"""An incident of the highest severity pages somebody, and the status page is updated."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from cct_ops.config.contacts import Contacts
from cct_ops.controller.p0_incidents import Announcer, page_about_new
from cct_ops.ledger.clock import in_seconds
from cct_ops.ledger.intake.tables import dispatches, incidents
from cct_ops.ledger.people import pages
from cct_ops.ledger.people.tables import status_posts
from cct_ops.models.run import Severity
from cct_ops.people.paging import Pager
from cct_ops.record.review import reading
from cct_ops.reports.review import review
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.ledger.history import a_run, decided
from tests.people.paging.conftest import BEGAN, ends, env, fires, people, said

pytestmark = pytest.mark.usefixtures("addresses")

PAGE = {"url": {"env": "STATUS_PAGE"}, "headers": {"Authorization": {"env": "STATUS_PAGE_KEY"}}}


@pytest.fixture
def pager(engine: sa.Engine) -> Pager:
    """Anna, then Ben."""
    return Pager(engine, people(env("PAGES_ANNA"), env("PAGES_BEN")))


def announcer(engine: sa.Engine, **more: object) -> Announcer:
    """Return what updates the status page."""
    return Announcer(engine, people(env("PAGES_ANNA"), status_page=PAGE | more))


def public(sandbox: SandboxControl) -> list[tuple[str, str]]:
    """Return what the public was shown: title and state."""
    return [(post.body["title"], post.body["state"]) for post in sandbox.status_page()]


def found_to_be(engine: sa.Engine, incident: UUID, severity: Severity) -> None:
    """Let a playbook conclude how grave the incident is."""
    decided(engine, a_run(incident_id=incident), severity=severity)


def test_only_what_is_p0_pages_and_once(
    engine: sa.Engine, pager: Pager, sandbox: SandboxControl
) -> None:
    fires(engine, "warning", "Slow")
    incident = fires(engine, "P0", "Down", summary="All <!channel> is {{down}}.")

    assert [page_about_new(pager) for _ in range(3)] == [1, 0, 0]
    ((who, text),) = said(sandbox)
    assert who == "anna"
    assert text.startswith("P0: Down from am\nAll [!channel] is ((down)).\n")
    assert f"cct-ops why {incident}" in text


def test_what_a_playbook_finds_to_be_p0_pages_too(
    engine: sa.Engine, pager: Pager, sandbox: SandboxControl
) -> None:
    incident = fires(engine, "warning")
    found_to_be(engine, incident, Severity.P1)
    assert page_about_new(pager) == 0

    found_to_be(engine, incident, Severity.P0)
    assert page_about_new(pager) == 1


def test_a_burst_pages_for_those_that_stand_for_others(
    engine: sa.Engine, pager: Pager, sandbox: SandboxControl
) -> None:
    """And nobody is paged about an incident before it is known whether it is one of a burst."""
    lead, grouped = fires(engine, "P0", "Lead"), fires(engine, "P0", "Grouped")
    with engine.begin() as tx:
        of = dispatches.c.incident_id
        tx.execute(sa.update(dispatches).where(of == grouped).values(state="grouped"))
        tx.execute(sa.update(dispatches).where(of == lead).values(state="pending"))
    assert page_about_new(pager) == 0

    with engine.begin() as tx:
        tx.execute(sa.update(incidents).values(opened_at=in_seconds(-60)))
    assert page_about_new(pager) == 1
    assert "Lead" in said(sandbox)[0][1]


def test_an_incident_that_is_over_pages_nobody_any_more(
    engine: sa.Engine, pager: Pager, sandbox: SandboxControl
) -> None:
    sandbox.faults(Fault(path="/slack/", error_status=500))
    fires(engine, "P0")
    page_about_new(pager)
    ends(engine, "P0")
    sandbox.faults()

    assert page_about_new(pager) == 0
    (kept,) = pages.newest(engine, 1)
    assert kept.page.note == "The incident was over before anybody was reached."
    assert [attempt.reached for attempt in kept.attempts] == [False, False]


def test_the_status_page_is_updated_with_the_opening_and_the_end_once_each(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """With a key that stays the same, and the key of the page itself."""
    fires(engine, "warning", "Slow")
    incident = fires(engine, "P0", "Down", summary="Not for the public.")
    announce = announcer(engine)
    assert (announce(), announce()) == (1, 0)
    ends(engine, "P0", "Down")
    assert (announce(), announce()) == (1, 0)

    opened, ended = sandbox.status_page()
    posted_at = opened.body.pop("posted_at")
    assert posted_at > opened.body["opened_at"]
    assert opened.body == {
        "key": f"{incident}/1",
        "incident_id": str(incident),
        "title": "Down",
        "state": "investigating",
        "severity": "P0",
        "opened_at": BEGAN.isoformat(timespec="seconds"),
        "resolved_at": None,
    }
    assert (ended.body["state"], ended.body["key"]) == ("resolved", f"{incident}/2")
    assert ended.body["resolved_at"] > ended.body["opened_at"]
    assert opened.headers["authorization"] == "Bearer k3y-of-the-page"
    assert opened.headers["idempotency-key"] == f"{incident}/1"


def test_what_the_public_reads_is_bounded_and_no_markup(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """It is the alert's text for the public, where it has one."""
    fires(engine, "P0", "Down", public_title="<script>alert(1)</script> " + "x" * 500)
    announcer(engine)()

    ((title, _),) = public(sandbox)
    assert title.startswith("[script]alert(1)[/script] x")
    assert len(title) == 120


def test_an_incident_that_opens_again_is_sent_again(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    incident = fires(engine, "P0")
    announce = announcer(engine)
    announce()
    for state in ("closed", "open"):
        over = state == "closed"
        with engine.begin() as tx:
            tx.execute(
                sa.update(incidents)
                .where(incidents.c.id == incident)
                .values(
                    state=state,
                    closed_as="expired" if over else None,
                    closed_at=in_seconds(0) if over else None,
                )
            )
        announce()

    assert [state for _, state in public(sandbox)] == ["investigating", "resolved", "investigating"]


def test_a_status_page_that_does_not_answer_is_updated_later_and_in_order(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Not at every turn, but after pauses; a refusal may be corrected as well."""
    announce = announcer(engine)
    fires(engine, "P0", "Down")
    for status in (503, 403):
        sandbox.faults(Fault(path="/status-page", error_status=status))
        assert announce() == 0
        due_now(engine)
    ends(engine, "P0", "Down")
    assert announce() == 0
    sandbox.faults()
    assert announce() == 0

    due_now(engine)
    assert announce() == 2
    assert public(sandbox) == [("Down", "investigating"), ("Down", "resolved")]
    assert notes(engine) == [None, None]


def test_a_page_whose_key_is_missing_is_not_updated_without_it(
    engine: sa.Engine, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATUS_PAGE_KEY")
    fires(engine, "P0")

    assert announcer(engine)() == 0
    assert public(sandbox) == []
    assert notes(engine) == ["The environment variable STATUS_PAGE_KEY is not set."]


def test_the_review_shows_who_was_paged_and_what_the_public_saw(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    """Those who could not be reached as well."""
    incident = fires(engine, "P0", "Down")
    page_about_new(Pager(engine, people(env("NEVER_SET"), env("PAGES_BEN"))))
    announcer(engine)()

    found = reading.read(engine, incident)
    assert found is not None
    written = review(found, datetime.now(UTC))
    for line in (
        "page asked for: P0: Down from am",
        "page: a not reached: The environment variable NEVER\\_SET is not set.",
        "page: b reached by webhook PAGES\\_BEN",
        "status page updated: investigating",
    ):
        assert line in written


def test_without_a_status_page_nothing_is_kept_for_one(engine: sa.Engine) -> None:
    fires(engine, "P0")
    known: Contacts = people(env("PAGES_ANNA"))

    assert Announcer(engine, known)() == 0
    assert notes(engine) == []


def due_now(engine: sa.Engine) -> None:
    """Let the pause after a failure be over."""
    with engine.begin() as tx:
        tx.execute(sa.update(status_posts).values(next_attempt_at=in_seconds(-1)))


def notes(engine: sa.Engine) -> list[str | None]:
    """Return why what was not sent was not."""
    with engine.connect() as connection:
        found = sa.select(status_posts.c.note).order_by(status_posts.c.number)
        return list(connection.execute(found).scalars())
