"""A person's word on a run: what it takes along, who comes first, and what is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
import yaml

from cct_ops.errors import NotPermitted
from cct_ops.gate.takeover import at_work, take_over
from cct_ops.ledger import clock
from cct_ops.ledger.gate import (
    approvals,
    attempts,
    change_ends,
    leases,
    permits,
    run_progress,
    switches,
    takeovers,
)
from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.ledger.gate.takeovers import Wish
from cct_ops.ledger.people import acknowledgements
from cct_ops.ledger.record import account
from cct_ops.models.plan import PermitKind
from cct_ops.models.run import Outcome, Run, Start, Starter
from cct_ops.models.takeover import UPKEEP_PLAYBOOKS, Choice, Phase, Takeover
from tests.approvals.parts import asked
from tests.board.conftest import weakened
from tests.conftest import ROOT
from tests.ledger.alerts import opened
from tests.ledger.history import CALL, TARGET, a_run, permitted, plan
from tests.ledger.leaves import leaves


def wish(
    engine: sa.Engine, choice: Choice = Choice.KEEP, person: str = "Ada", hours: float = 4
) -> Wish:
    """What somebody wants."""
    return Wish(
        choice=choice,
        person=person,
        proof="the login of a shell",
        signature=person,
        reason="it makes things worse",
        held_until=clock.read(engine) + timedelta(hours=hours),
    )


def taken(engine: sa.Engine, run_id: UUID, choice: Choice = Choice.KEEP) -> Takeover:
    """Take the run over."""
    return takeovers.record(engine, run_id, wish(engine, choice))[0]


@pytest.fixture
def run(engine: sa.Engine) -> Run:
    """A run that was permitted its change, for an open incident."""
    found = a_run(incident_id=opened(engine))
    permitted(engine, found, plan())
    leases.touch(engine, found.id, 60)
    return found


def test_it_holds_the_target_and_takes_the_incident_on(engine: sa.Engine, run: Run) -> None:
    """Nobody is paged, and the next alert starts nothing that changes this target."""
    said = taken(engine, run.id)

    (hold,) = switches.standing(engine)
    assert (hold.target, hold.person, hold.until) == (TARGET, "Ada", said.held_until)
    assert hold.reason == f"took over run {run.id} (stop and keep): it makes things worse"
    assert run.incident_id is not None
    holder = acknowledgements.holders(engine, [run.incident_id])[run.incident_id]
    assert (holder.person, holder.proof) == ("Ada", "the login of a shell")


def test_it_is_a_leaf_of_the_log(engine: sa.Engine, run: Run) -> None:
    taken(engine, run.id)
    takeovers.mark_stopped(engine, run.id)

    logged = leaves(engine, "takeovers")
    assert [each.operation for each in logged] == ["insert", "update"]
    row = logged[0].row
    said = (row["person"], row["choice"], row["reason"])
    assert said == ("Ada", "stop and keep", "it makes things worse")
    assert logged[1].state["stopped_at"] is not None


def test_of_two_at_once_one_wins_and_the_other_is_told(engine: sa.Engine, run: Run) -> None:
    def attempt(person: str) -> str:
        try:
            return takeovers.record(engine, run.id, wish(engine, person=person))[0].person
        except NotPermitted as refusal:
            return str(refusal)

    with ThreadPoolExecutor(2) as pool:
        first, second = sorted(pool.map(attempt, ("Ada", "Ben")), key=len)

    assert first in {"Ada", "Ben"}
    assert second.startswith(f"{first} has taken this run over already, at ")
    assert second.endswith("(stop and keep): it makes things worse")


def test_one_that_has_ended_says_how(engine: sa.Engine, run: Run) -> None:
    account.record_outcome(engine, run, TARGET, Outcome.RESOLVED, "It serves.")

    with pytest.raises(NotPermitted, match=r"This run has ended already: Resolved\. It serves\."):
        taken(engine, run.id)
    assert at_work(engine, (run.id,)) == []
    assert switches.standing(engine) == []


def test_of_an_unknown_run_nothing_is_written(engine: sa.Engine) -> None:
    with pytest.raises(NotPermitted, match="The ledger knows no run"):
        take_over(engine, uuid4(), wish(engine), lambda _: None)


def test_what_prefect_knows_of_one_that_has_not_begun_is_enough(engine: sa.Engine) -> None:
    said, found = take_over(
        engine, uuid4(), wish(engine), lambda _: ("auto-rollback", "/daily-summary")
    )

    assert found.phase is Phase.NOT_BEGUN
    assert (said.playbook, said.target) == ("auto-rollback", "/daily-summary")
    assert switches.held(engine) == ["/daily-summary"]


@pytest.mark.parametrize("choice", Choice)
def test_no_further_call_leaves(engine: sa.Engine, choice: Choice) -> None:
    """Whatever the run's process knows of it; only the undo that is wanted is let through."""
    found = a_run()
    change = permitted(engine, found, plan())
    leases.touch(engine, found.id, 60)
    taken(engine, found.id, choice)
    with engine.begin() as tx:
        restore = permits.issue(
            tx,
            PermitKind.RESTORE,
            plan(),
            [CALL],
            run=found,
            fencing_token=change.fencing_token,
            seconds=60,
        )
    checker = permits.Checker(engine, found.id)

    with (
        pytest.raises(NotPermitted, match="a person has taken this run over"),
        checker.check(change, CALL),
    ):
        pytest.fail("it was let through")
    if choice.undoes:
        with checker.check(restore, CALL):
            pass
    else:
        with (
            pytest.raises(NotPermitted, match="a person has taken this run over"),
            checker.check(restore, CALL),
        ):
            pytest.fail("it was let through")


def test_a_request_for_approval_ends_with_the_word(engine: sa.Engine) -> None:
    approval = asked(engine)

    taken(engine, approval.run_id)

    assert approvals.pending(engine) == []
    assert approvals.waiting(engine) == []


def test_one_that_takes_its_change_back_is_not_stopped_halfway(engine: sa.Engine) -> None:
    run = a_run()
    leases.touch(engine, run.id, 60)
    change = permitted(engine, run, plan())
    with permits.Checker(engine, run.id).check(change, CALL):
        pass
    with engine.begin() as tx:
        permits.issue(
            tx,
            PermitKind.RESTORE,
            plan(),
            [CALL],
            run=run,
            fencing_token=change.fencing_token,
            seconds=60,
        )

    with pytest.raises(NotPermitted, match="is taking its change back: it ends by itself"):
        taken(engine, run.id)


@pytest.mark.parametrize("playbook", sorted(UPKEEP_PLAYBOOKS))
def test_what_puts_back_is_not_stopped(engine: sa.Engine, playbook: str) -> None:
    found = a_run(playbook)
    permitted(engine, found, plan(playbook=playbook))
    leases.touch(engine, found.id, 60)

    with pytest.raises(NotPermitted, match="puts back what another run changed"):
        taken(engine, found.id)


@pytest.mark.parametrize(
    "start", [Start(starter=Starter.UPKEEP), Start(starter=Starter.PERSON, name="Ada")]
)
def test_what_puts_back_is_not_stopped_before_it_says_what_it_is(
    engine: sa.Engine, start: Start
) -> None:
    """It waits for its lock, and Prefect, which would know it, may be away."""
    puts_back = uuid4()
    if start.starter is Starter.PERSON:
        change_ends.record_asked(engine, weakened(engine).id, puts_back, "Ada")

    with attempts.attempt(engine, puts_back, 60, start) as refusal:
        assert refusal is None
        assert at_work(engine, (puts_back,)) == []
        with pytest.raises(NotPermitted, match="puts back what another run changed"):
            take_over(engine, puts_back, wish(engine), lambda _: None)


def test_a_person_s_run_is_stopped_before_it_says_what_it_is(engine: sa.Engine) -> None:
    run_id = uuid4()

    start = Start(starter=Starter.PERSON, name="Ada")
    with attempts.attempt(engine, run_id, 60, start):
        assert take_over(engine, run_id, wish(engine), lambda _: None)[0].choice is Choice.KEEP


def test_a_prefect_that_hangs_keeps_nobody_from_it(engine: sa.Engine) -> None:
    run_id, answers = uuid4(), Event()

    def hangs(_: UUID) -> None:
        answers.wait()

    try:
        with attempts.attempt(engine, run_id, 60, Start(starter=Starter.PERSON, name="Ada")):
            assert take_over(engine, run_id, wish(engine), hangs)[0].choice is Choice.KEEP
    finally:
        answers.set()


def test_a_temporary_change_that_cannot_be_read_keeps_nobody_from_it(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    good, odd = weakened(engine), uuid4()
    columns = [column for column in temporary_changes.c if column.name not in {"id", "revert"}]
    row = sa.select(sa.literal(odd), sa.cast("[]", sa.JSON), *columns)
    with engine.begin() as tx:
        names = ["id", "revert", *(column.name for column in columns)]
        tx.execute(sa.insert(temporary_changes).from_select(names, row))
        found = run_progress.read(tx, good.run_id)

    assert found is not None
    assert found.temporary == (good,)
    assert f"temporary change {odd} cannot be read: revert:" in caplog.text


def test_upkeep_is_what_the_registry_says() -> None:
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]

    assert {each["name"] for each in deployments if "upkeep" in each["tags"]} == UPKEEP_PLAYBOOKS
