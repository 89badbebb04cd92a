"""Which answers count: in the ledger, where no part of the project can get round the rules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Literal
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.config.approvers import Approver
from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import approval_answers, approvals
from cct_ops.ledger.gate.approval_answers import Answer, Receipt
from cct_ops.ledger.gate.approvals import Approval
from cct_ops.ledger.gate.tables import approvals as table, attempts
from cct_ops.ledger.intake import deliveries
from cct_ops.models.guards import Guard
from cct_ops.models.run import Mode, asked_of
from tests.approvals.parts import ANNA, BEN, asked, new_run, plan, refusals, state
from tests.ledger.alerts import firing, resolved
from tests.ledger.history import decided


def say(
    engine: sa.Engine, approval: Approval, person: Approver = ANNA, *, yes: bool = True
) -> Receipt:
    """Answer as somebody whose identity was proved."""
    given = Answer.of(person, "link", approved=yes, note="ok", digest=approval.plan_digest)
    return approval_answers.answer(engine, approval.id, given, person=person)


def use(engine: sa.Engine, approval: Approval, share: float = 20) -> None:
    """Issue the permit, as far as the approval is concerned."""
    with engine.begin() as tx:
        approvals.use(tx, new_run(approval.run_id), plan(share))


def test_one_yes_approves_and_says_whose_it_was(engine: sa.Engine) -> None:
    approval = asked(engine)

    receipt = say(engine, approval)

    assert receipt.refusal is None
    assert receipt.approval is not None
    assert receipt.approval.state == "approved"
    assert (receipt.approval.approver, receipt.approval.authenticated) == ("Anna Ito", True)


def test_a_request_is_answered_once(engine: sa.Engine) -> None:
    approval = asked(engine)
    say(engine, approval, yes=False)

    later = say(engine, approval, BEN)

    assert later.refusal == "This request is declined already."
    assert state(engine, approval) == "declined"
    assert refusals(engine) == ["This request is declined already."]


def test_of_many_answers_at_once_one_counts(engine: sa.Engine) -> None:
    approval = asked(engine)

    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: say(engine, approval, yes=n % 2 == 0), range(8)))

    assert sum(receipt.refusal is None for receipt in said) == 1
    assert len(refusals(engine)) == 7


def test_an_answer_after_the_expiry_counts_for_nothing(engine: sa.Engine) -> None:
    approval = asked(engine, seconds=-1)

    assert "This request expired" in (say(engine, approval).refusal or "")
    assert state(engine, approval) == "pending"
    assert approvals.expire(engine, approval.id)
    assert state(engine, approval) == "expired"


def test_an_answer_to_another_plan_than_the_one_asked_for_is_refused(engine: sa.Engine) -> None:
    approval = asked(engine)
    given = Answer.of(ANNA, "link", approved=True, digest=plan(50).digest)

    receipt = approval_answers.answer(engine, approval.id, given, person=ANNA)

    assert receipt.refusal == "The plan is not the one that was shown."
    assert state(engine, approval) == "pending"


def test_a_plan_that_was_altered_in_the_ledger_cannot_be_approved(engine: sa.Engine) -> None:
    approval = asked(engine)
    with engine.begin() as tx:
        tx.execute(
            sa.update(table)
            .where(table.c.id == approval.id)
            .values(plan=plan(100).model_dump(mode="json"))
        )

    assert say(engine, approval).refusal == "The plan is not the one that was shown."


def test_when_the_target_changes_what_was_asked_or_approved_is_void(engine: sa.Engine) -> None:
    run = new_run()
    first = asked(engine, run)
    say(engine, first)

    second = asked(engine, run, plan(50))

    assert state(engine, first) == "void"
    assert state(engine, second) == "pending"
    with pytest.raises(NotPermitted, match="is void"):
        use(engine, first)


def test_an_approval_is_used_once(engine: sa.Engine) -> None:
    approval = asked(engine)
    say(engine, approval)
    use(engine, approval)

    with pytest.raises(NotPermitted, match="was used already"):
        use(engine, approval)


@pytest.mark.parametrize("answered", [None, False])
def test_no_permit_without_a_yes(engine: sa.Engine, answered: bool | None) -> None:
    approval = asked(engine)
    if answered is not None:
        say(engine, approval, yes=answered)

    with pytest.raises(NotPermitted, match=r"is (pending|declined)"):
        use(engine, approval)


def test_an_approval_is_for_its_own_run(engine: sa.Engine) -> None:
    """The same plan of another run has to be approved by itself."""
    approved, other = asked(engine), asked(engine)
    say(engine, approved)

    with pytest.raises(NotPermitted, match="is pending"):
        use(engine, other)
    assert state(engine, other) == "pending"


def test_an_approval_is_for_the_state_of_the_target(engine: sa.Engine) -> None:
    approval = asked(engine)
    say(engine, approval)
    with engine.begin() as tx:
        tx.execute(sa.update(table).where(table.c.id == approval.id).values(state_digest="0" * 64))

    with pytest.raises(NotPermitted):
        use(engine, approval)


def test_where_two_are_needed_one_person_cannot_count_twice(engine: sa.Engine) -> None:
    approval = asked(engine, persons=2)

    assert say(engine, approval).still_needed
    assert say(engine, approval).refusal == "This person has answered already."
    assert state(engine, approval) == "pending"
    say(engine, approval, BEN)
    found = approvals.find(engine, approval.id)
    assert found is not None
    assert (found.state, found.approver) == ("approved", "Anna Ito and Ben Okafor")


@pytest.mark.parametrize("name", ["anna", "Anna Ito", "U0ANNA"])
def test_who_started_the_run_is_no_second_person(engine: sa.Engine, name: str) -> None:
    approval = asked(engine, persons=2, started_by=name)

    assert say(engine, approval).refusal == "Who started the run is not a second person."
    assert say(engine, approval, BEN).still_needed


@pytest.mark.parametrize("way", ["link", "slack", "board"])
def test_who_started_the_run_approves_it_in_no_way_that_proves_who_it_is(
    engine: sa.Engine, way: Literal["link", "slack", "board"]
) -> None:
    """Not where one person is enough either, nor through a program that was asked to start it."""
    approval = asked(engine, started_by=asked_of("Anna Ito", "chatops (token)"))
    yes = Answer.of(ANNA, way, approved=True, digest=approval.plan_digest)

    receipt = approval_answers.answer(engine, approval.id, yes, person=ANNA)

    assert receipt.refusal == "You started this run: somebody else has to approve it."
    assert state(engine, approval) == "pending"


@pytest.mark.parametrize("persons", [1, 2])
def test_who_started_the_run_may_decline_it(engine: sa.Engine, persons: int) -> None:
    approval = asked(engine, persons=persons, started_by="anna")

    assert say(engine, approval, yes=False).refusal is None
    assert state(engine, approval) == "declined"


@pytest.mark.parametrize("written", ["Jose\u0301  Nu\u0308rnberg", "JOS\u00c9 N\u00dcRNBERG\u200b"])
def test_a_name_that_is_written_otherwise_is_the_same_person(
    engine: sa.Engine, written: str
) -> None:
    jose = Approver(id="jn", name="Jos\u00e9 N\u00fcrnberg", slack_user_id="U0JOSE")
    listed, nobody = asked(engine, started_by=written), asked(engine, new_run(), form_accepted=True)
    unlisted = asked(engine, new_run(), form_accepted=True, started_by=asked_of(written, "bot"))
    yes = Answer(approver_id="board:jn", approver=jose.name, way="board", approved=True)

    def refusal(approval: Approval, person: Approver | None) -> str | None:
        return approval_answers.answer(engine, approval.id, yes, person=person).refusal

    assert jose.is_called(written)
    assert "You started this run" in (refusal(listed, jose) or "")
    assert "You started this run" in (refusal(unlisted, None) or "")
    assert refusal(nobody, None) is None


def test_one_no_is_enough(engine: sa.Engine) -> None:
    approval = asked(engine, persons=2)
    say(engine, approval)
    say(engine, approval, BEN, yes=False)

    assert state(engine, approval) == "declined"


def test_a_name_typed_into_a_form_counts_only_where_it_was_agreed(engine: sa.Engine) -> None:
    typed = Answer(approver_id="form:Anna", approver="Anna", way="form", approved=True)
    strict, lax = asked(engine), asked(engine, form_accepted=True)

    refused = approval_answers.answer(engine, strict.id, typed)
    taken = approval_answers.answer(engine, lax.id, typed)

    assert "does not count here" in (refused.refusal or "")
    assert taken.approval is not None
    assert (taken.approval.state, taken.approval.authenticated) == ("approved", False)


def test_when_the_incident_is_over_its_requests_are_void(engine: sa.Engine) -> None:
    fires = firing(alertname="A")
    opened = deliveries.record(engine, "am", b"1", [fires])
    approval = asked(engine, new_run(incident_id=opened.incidents[0]))
    approved = asked(engine, new_run(incident_id=opened.incidents[0]))
    say(engine, approved)
    deliveries.record(engine, "am", b"2", [resolved(fires)])

    assert say(engine, approval).refusal == approvals.OVER
    assert approvals.void_resolved(engine) == 2
    assert [state(engine, each) for each in (approval, approved)] == ["void", "void"]


def test_a_request_that_an_open_incident_joined_goes_on(engine: sa.Engine) -> None:
    """Its own incident is over; the one that was merged into it still needs the change."""
    first = deliveries.record(engine, "am", b"1", [firing(alertname="A")]).incidents[0]
    second = deliveries.record(engine, "am", b"2", [firing(alertname="B")]).incidents[0]
    approval = asked(engine, new_run(incident_id=first))
    reason = f"run {approval.run_id} waits for approval; that decides for both"
    run = new_run(incident_id=second)
    decided(engine, run, "Merged", plan(), mode=Mode.APPROVE, reason=reason, guard=Guard.MERGE)
    deliveries.record(engine, "am", b"3", [resolved(firing(alertname="A"))])

    assert approvals.void_resolved(engine) == 0
    assert say(engine, approval).refusal is None
    assert state(engine, approval) == "approved"

    deliveries.record(engine, "am", b"4", [resolved(firing(alertname="B"))])
    assert approvals.void_resolved(engine) == 1


def test_an_answer_to_nothing_is_on_record(engine: sa.Engine) -> None:
    given = Answer.of(ANNA, "slack", approved=True)

    receipt = approval_answers.answer(engine, uuid4(), given, person=ANNA)

    assert receipt.refusal == "There is no such request for approval."
    assert refusals(engine) == ["There is no such request for approval."]


def test_whoever_knocks_without_a_key_cannot_fill_the_ledger(engine: sa.Engine) -> None:
    for _ in range(approval_answers.UNKNOWN_PER_MINUTE + 5):
        approval_answers.record_attempt(engine, "link", "The link is not one of ours.")

    with engine.connect() as connection:
        kept = connection.execute(sa.select(sa.func.count()).select_from(attempts)).scalar_one()
    assert kept == approval_answers.UNKNOWN_PER_MINUTE
