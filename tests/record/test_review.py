"""A review says what the account shows: how long, what went well, what is left to be done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cct_ops.ledger.engine import connect
from cct_ops.ledger.people import acknowledgements, notes, pages
from cct_ops.ledger.people.tables import page_attempts, pages as page_rows
from cct_ops.models.review import LessonKind, Review
from cct_ops.record.report import facts, figures
from cct_ops.record.review import page, reading
from cct_ops.reports.review import BLANK, review as in_markdown
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import new_ledger
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, decided
from tests.record.a_day import Day, a_day

NOW = datetime.now(UTC)
SCRIPT = "</style><script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def day(postgres: EmbeddedPostgres) -> Iterator[Day]:
    """A day that nobody changes."""
    with new_ledger(postgres) as url:
        engine = connect(url)
        yield a_day(engine)
        engine.dispose()  # so many ledgers later it is not the one that is known by its URL


def reviewed(day: Day, name: str) -> Review:
    """Return the review of one of its stories."""
    found = reading.read(day.engine, UUID(day.ids[name]))
    assert found is not None
    return found


def lessons(found: Review, kind: LessonKind) -> str:
    """Return those of one kind."""
    return "\n".join(found.of_kind(kind))


def proposed(found: Review) -> dict[str, str]:
    """Return what is proposed, by its name."""
    return {each.name: each.text for each in found.proposals}


def test_times_are_those_of_the_report(day: Day) -> None:
    """For every incident of the day, so that the two can never say different things."""
    whole = facts.read(day.engine, day.began)
    frame = figures.mark(whole).frame.set_index("id")

    for name in ("fixed", "undone", "paged", "again", "waits"):
        took = {each.name: each.seconds for each in reviewed(day, name).took}
        in_report = frame.loc[day.ids[name]][list(figures.TIMES)]
        assert took == {
            each: None if missing else seconds
            for (each, seconds), missing in zip(in_report.items(), in_report.isna(), strict=True)
        }
    assert reviewed(day, "manual").took == ()  # no incident was opened for it


def test_a_verified_fix_went_well_and_its_return_did_not(day: Day) -> None:
    found = reviewed(day, "fixed")

    assert "auto-rollback on /one was verified: -" in lessons(found, LessonKind.WELL)
    assert "The verified fix did not last" in lessons(found, LessonKind.BADLY)
    assert [each.id for each in found.related] == [UUID(day.ids["again"])]
    assert found.related[0].why == "the same playbook on the same target"
    assert "recurs" in proposed(found)


def test_a_guard_that_stopped_it_is_named(day: Day) -> None:
    found = reviewed(day, "again")

    assert lessons(found, LessonKind.BLOCKED) == "auto-rollback on /one, by the guard hold: -"
    assert any(name.startswith("blocked-") for name in proposed(found))


def test_what_failed_is_a_proposal_and_nothing_more(day: Day) -> None:
    """A request that nobody answered, a fix that was put back, an alert without a rule."""
    undone, paged = reviewed(day, "undone"), reviewed(day, "paged")

    assert {name.rpartition("-")[0] for name in proposed(undone)} == {"undone", "unanswered"}
    assert "Nobody answered" in lessons(undone, LessonKind.BADLY)
    assert "shall have a rule with a playbook" in proposed(paged)["no-playbook"]
    assert "anna was reached" in lessons(paged, LessonKind.WELL)


def test_a_temporary_change_that_is_open_is_in_the_review(day: Day) -> None:
    found = reviewed(day, "manual")

    (change,) = found.open_changes
    assert (change.owner, change.overdue) == ("anna", True)
    assert str(change.id) in proposed(found)[f"open-change-{str(change.id)[:8]}"]
    assert f"`{change.id}`" in in_markdown(found, NOW).partition("## 6.")[2]


def test_an_incident_of_which_nothing_is_known_has_ten_sections_all_the_same(day: Day) -> None:
    found = reviewed(day, "waits")

    assert in_markdown(found, NOW).count(BLANK) == 8
    assert page.render(found, NOW).count("To be filled in by people") == 8
    assert "No run is on record." in in_markdown(found, NOW)


def test_earlier_episodes_of_the_same_alert_are_beside_it(engine: sa.Engine) -> None:
    first, second = opened(engine), opened(engine)
    assert reading.read(engine, first).related == ()  # type: ignore[union-attr]
    with engine.begin() as tx:
        same = "update incidents set key = 'k', episode = :n, state = 'closed' where id = :id"
        for number, each in enumerate((first, second), 1):
            tx.execute(sa.text(same), {"n": number, "id": each})

    found = reading.read(engine, second)

    assert found is not None
    assert [(each.id, each.why) for each in found.related] == [(first, "the same alert")]


@pytest.mark.parametrize("taken", [True, False])
def test_a_page_that_was_not_needed_because_somebody_had_it_went_well(
    engine: sa.Engine, *, taken: bool
) -> None:
    incident = opened(engine)
    pages.ask(engine, f"incident:{incident}", subject="P0: A", body="Bad.", topic_id=incident)
    if taken:
        acknowledgements.record(engine, incident, "Anna Ito", "a test")
    else:
        with engine.begin() as tx:
            tx.execute(sa.text("update pages set raised_at = now() - interval '3 days'"))
    pages.settle(engine)

    found = reading.read(engine, incident)

    assert found is not None
    assert ("reached nobody" in lessons(found, LessonKind.BADLY)) != taken


@pytest.mark.parametrize(
    ("reached", "words"),
    [
        (False, "ada was not reached by block slack/x: busy"),
        (None, "How the page of ada by block slack/x ended is not known."),
        (True, ""),
    ],
)
def test_a_page_whose_end_is_not_known_is_not_one_that_reached_nobody(
    engine: sa.Engine, *, reached: bool | None, words: str
) -> None:
    incident = opened(engine)
    pages.ask(engine, f"incident:{incident}", subject="P0: A", body="Bad.", topic_id=incident)
    with engine.begin() as tx:
        page_id = tx.execute(sa.select(page_rows.c.id)).scalar_one()
        tried = {"page_id": page_id, "contact": "ada", "way": "block slack/x", "why": "on call"}
        note = "busy" if reached is False else None
        tx.execute(sa.insert(page_attempts).values(tried | {"reached": reached, "note": note}))

    assert lessons(_read(engine, incident), LessonKind.BADLY) == (words if reached is False else "")

    with engine.begin() as tx:
        over = sa.update(page_rows).values(ended_at=sa.func.now(), contact="bob")
        tx.execute(over)
    found = _read(engine, incident)
    assert lessons(found, LessonKind.BADLY) == words
    assert any(name.startswith("unreached-") for name in proposed(found)) == (reached is False)


def test_a_page_that_may_have_reached_somebody_is_not_said_to_have_reached_nobody(
    engine: sa.Engine,
) -> None:
    incident = opened(engine)
    pages.ask(engine, f"incident:{incident}", subject="P0: A", body="Bad.", topic_id=incident)
    with engine.begin() as tx:
        page_id = tx.execute(sa.select(page_rows.c.id)).scalar_one()
        tried = {"page_id": page_id, "contact": "ada", "way": "block slack/x", "reached": None}
        tx.execute(sa.insert(page_attempts).values(tried))
        tx.execute(sa.update(page_rows).values(raised_at=sa.text("now() - interval '3 days'")))
    pages.settle(engine)

    assert lessons(_read(engine, incident), LessonKind.BADLY) == (
        "How the page of ada by block slack/x ended is not known."
    )


def test_the_lines_of_a_note_are_lines_in_the_review(engine: sa.Engine) -> None:
    incident = opened(engine)
    note = "Looked at it.\n\nThe <disk> was full | again."
    notes.record(engine, incident, note, "Anna Ito", "a test", uuid4())
    found = _read(engine, incident)

    assert ">Looked at it.<br><br>The &lt;disk&gt; was full | again.</p>" in page.render(found, NOW)
    assert "Looked at it.<br><br>The \\<disk\\> was full \\| again." in in_markdown(found, NOW)


def _read(engine: sa.Engine, incident: UUID) -> Review:
    found = reading.read(engine, incident)
    assert found is not None
    return found


def test_a_page_opens_offline_and_text_of_others_is_text_in_it(engine: sa.Engine) -> None:
    incident = opened(engine, alertname=SCRIPT)
    decided(engine, a_run(incident_id=incident), reason=SCRIPT)
    found = reading.read(engine, incident)
    assert found is not None

    written = page.render(found, NOW)

    assert "<script" not in written
    assert "<img" not in written
    assert "http://" not in written.replace("http://www.w3.org/", "")
    assert "https://" not in written
    assert "default-src &#39;none&#39;" in written
