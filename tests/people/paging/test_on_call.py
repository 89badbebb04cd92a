"""Pages go to whoever is on call at that moment, and each says why it was this one."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from cct_ops.config.contacts import Contacts
from cct_ops.errors import BadConfiguration, NotPermitted
from cct_ops.ledger import clock
from cct_ops.ledger.people import covers, on_call, on_call_calendars, pages
from cct_ops.ledger.people.covers import Wanted
from cct_ops.models.on_call import Planned
from cct_ops.people.paging import Pager
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.inputs import Fault
from tests.ledger.leaves import leaves
from tests.people.paging.conftest import env, people, said
from tests.people.paging.on_call import PRIMARY, SECONDARY, covered, in_hours, rota

pytestmark = pytest.mark.usefixtures("addresses")

CALENDAR = {"name": "primary", "timezone": "UTC", "calendar": {"path": "on-call.ics"}}


def line(engine: sa.Engine, known: Contacts, hours: float = 0) -> list[str]:
    """Return who is tried, in order."""
    return [each.contact.id for each in on_call.line(engine, known, in_hours(engine, hours))]


def paged(engine: sa.Engine, known: Contacts) -> list[tuple[str, str | None]]:
    """Page about something; returns who was tried, and why."""
    pages.ask(engine, "it broke", subject="P0: A", body="It is bad.")
    Pager(engine, known)()
    (found,) = pages.newest(engine, 1)
    return [(each.contact, each.why) for each in found.attempts]


def test_each_layer_is_tried_in_turn_and_then_the_fallback_nobody_twice(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    sandbox.faults(Fault(path="/slack/", error_status=500))
    known = rota(fallback=("owner", "ana"))

    tried = paged(engine, known)

    assert [who for who, _ in tried] == ["ana", "ben", "owner"]
    assert str(tried[0][1]).startswith("primary, by the rota")
    assert tried[2][1] == "fallback, after those on call"


def test_whoever_covers_is_paged_and_the_page_says_for_whom_and_why(
    engine: sa.Engine, sandbox: SandboxControl
) -> None:
    covered(engine, "owner", "ana")

    ((who, why),) = paged(engine, rota())

    assert who == "owner"
    assert str(why).startswith("primary, override: covers for ana until ")
    assert str(why).endswith("(flu)")
    assert [name for name, _ in said(sandbox)] == ["owner"]


def test_a_cover_counts_in_its_time_alone_and_not_once_it_is_withdrawn(engine: sa.Engine) -> None:
    cover = covered(engine, "owner", "ana", 2, 4)
    assert [line(engine, rota(), at)[0] for at in (1, 3, 5)] == ["ana", "owner", "ana"]

    covers.withdraw(engine, cover.id, "Ana")

    assert line(engine, rota(), 3)[0] == "ana"
    with pytest.raises(NotPermitted, match="Ana has withdrawn it"):
        covers.withdraw(engine, cover.id, "Ben")


def test_without_a_rota_a_cover_takes_the_place_in_the_list(engine: sa.Engine) -> None:
    known = people(env("PAGES_ANNA"), env("PAGES_BEN"))
    assert line(engine, known) == ["a", "b"]

    covered(engine, "b", "a")

    assert line(engine, known) == ["b"]


def test_escalation_begins_at_its_step_and_ends_with_the_last(engine: sa.Engine) -> None:
    known = people(env("A"), env("B"), env("C"))
    tried = on_call.line(engine, known, clock.read(engine))

    asked = [[each.contact.id for each in on_call.after(tried, step)] for step in (0, 1, 2, 9)]
    assert asked == [["a", "b", "c"], ["b", "c"], ["c"], ["c"]]


def test_of_two_covers_for_the_same_person_and_time_the_second_is_refused(
    engine: sa.Engine,
) -> None:
    """For another person, another time, or the layer it is not; and twice the same is one."""
    first = covered(engine, "owner", "ana", 2, 4)
    same = Wanted(
        person="owner", instead_of="ana", begins=first.begins, ends=first.ends, reason="again"
    )

    with pytest.raises(NotPermitted, match=r"owner covers for ana from .*\. Withdraw that first"):
        covered(engine, "ben", "ana", 3, 5)

    assert covers.record(engine, same, "Ben").id == first.id
    covered(engine, "ben", "ana", 4.1, 5)
    covered(engine, "ben", "owner", 2, 4)
    covered(engine, "ben", "primary", 2, 4)
    assert len(covers.newest(engine, 9)) == 4


def test_of_two_who_enter_covers_at_once_one_is_refused(engine: sa.Engine) -> None:
    refused = []
    begin = threading.Barrier(2)

    def enter(person: str) -> None:
        begin.wait()
        try:
            covered(engine, person, "ana", 1, 2)
        except NotPermitted as error:
            refused.append(str(error))

    threads = [threading.Thread(target=enter, args=(who,)) for who in ("ben", "owner")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(refused), len(covers.newest(engine, 9))) == (1, 1)


@pytest.mark.parametrize(
    ("change", "said_of_it"),
    [
        ({"person": "bo"}, "No contact is called bo: known are ana, ben, owner."),
        ({"instead_of": "bo"}, "No contact or layer is called bo"),
        ({"instead_of": "owner"}, "Nobody stands in for themselves"),
        ({"reason": " "}, "needs a reason"),
        ({"ends": -2.0}, "must be after its beginning"),
        ({"ends": 24 * 500.0}, "366 days at most"),
    ],
)
def test_a_cover_that_makes_no_sense_is_refused(
    engine: sa.Engine, change: dict[str, str | float], said_of_it: str
) -> None:
    times = {
        name: in_hours(engine, float(change.get(name, usual)))
        for name, usual in (("begins", -1), ("ends", 8))
    }
    words = {"person": "owner", "instead_of": "ana", "reason": "flu"}

    with pytest.raises(BadConfiguration, match=said_of_it):
        covers.check(Wanted.model_validate(words | change | times), rota())


def test_a_cover_for_what_is_over_is_refused(engine: sa.Engine) -> None:
    with pytest.raises(NotPermitted, match="is over already"):
        covered(engine, "owner", "ana", -4, -2)


def test_covers_are_in_the_transparency_log_and_so_is_their_end(engine: sa.Engine) -> None:
    cover = covered(engine, "owner", "ana")
    covers.withdraw(engine, cover.id, "Ben")

    rows = leaves(engine, "on_call_covers")
    assert [row.operation for row in rows] == ["insert", "update"]
    assert rows[0].row["entered_by"] == "Ana, a test"
    assert rows[1].state["withdrawn_by"] == "Ben"


def keep(engine: sa.Engine, *planned: tuple[str, float, float], place: str = "on-call.ics") -> None:
    """Let a calendar have been read that says this, in hours from now."""
    turns = [
        Planned(person=who, begins=in_hours(engine, begins), ends=in_hours(engine, ends))
        for who, begins, ends in planned
    ]
    on_call_calendars.keep(engine, "primary", place, turns, (), in_hours(engine, 9000))


def test_a_calendar_says_who_and_in_its_gaps_the_fallback_is_on_call(engine: sa.Engine) -> None:
    known = rota(CALENDAR, SECONDARY)
    keep(engine, ("ana", -1, 2), ("ben", 4, 6))

    assert [line(engine, known, at)[:2] for at in (0, 3, 5)] == [
        ["ana", "ben"],
        ["owner", "ben"],
        ["ben", "owner"],
    ]
    gap = on_call.line(engine, known, in_hours(engine, 3))[0]
    assert gap.why == "fallback: the calendar has nobody as primary"
    (who, why), *_ = paged(engine, rota({**CALENDAR, "name": "other"}))
    assert (who, why) == ("owner", "fallback: the calendar of other could never be read")


def test_the_copy_of_another_calendar_does_not_count(engine: sa.Engine) -> None:
    keep(engine, ("ana", -1, 2), place="old.ics")

    assert line(engine, rota(CALENDAR))[0] == "owner"


def test_a_cover_for_somebody_who_is_no_contact_any_more_wakes_the_first_of_the_list(
    engine: sa.Engine,
) -> None:
    covered(engine, "gone", "ana")

    assert line(engine, rota(PRIMARY))[0] == "ana"


def test_two_layers_may_hand_over_at_their_own_times(engine: sa.Engine) -> None:
    tue = {**SECONDARY, "people": ["ben", "ana"], "hand_over": {"day": "tue", "time": "17:00"}}
    begin = clock.read(engine)

    found = on_call.schedule(engine, rota(PRIMARY, tue), begin, in_hours(engine, 24 * 28))

    assert len(found["primary"]) == 1
    inner = [each.begins for each in found["secondary"][1:]]
    assert len(inner) in {3, 4}
    assert {f"{at:%a %H:%M}" for at in inner} == {"Tue 17:00"}
