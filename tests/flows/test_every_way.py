"""Every playbook in every mode, undone, and on a CCT with only its own handlers: the matrix."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import truths
from cct_ops.scenarios.every import ALSO_HANDLERS_ONLY
from cct_ops.scenarios.scenario import End, HandlersOnly, Scenario
from tests.flows.deployment_run import DeploymentRun, deployment_run
from tests.flows.run_assertions import report_of_run
from tests.flows.scenarios import ROWS

pytestmark = pytest.mark.usefixtures("upkeep", "brisk", "golden")

# `make matrix` goes through all options; otherwise the first of each playbook stands for them.
FIRST = list({row.playbook: row for row in reversed(ROWS)}.values())
CHOSEN = ROWS if os.environ.get("MATRIX") == "all" else FIRST


@dataclass(frozen=True)
class Before:
    """How it was before a run: the truth that matters, and the writes of the seed itself."""

    sandbox: SandboxControl
    truth: object = None
    writes: int = 0

    @classmethod
    def of(cls, sandbox: SandboxControl, row: Scenario) -> Before:
        """Look."""
        return cls(sandbox, row.truth(sandbox), len(truths.writes(sandbox)))

    def since(self) -> list[str]:
        """Return the writes of the run."""
        return truths.writes(self.sandbox)[self.writes :]


@contextmanager
def concurrent_edit(
    edit: Callable[[SandboxControl], None] | None, sandbox: SandboxControl
) -> Iterator[None]:
    """Edit it once, as soon as the ledger has that a change of this process took effect."""
    left = [] if edit is None else [edit]

    def see(_connection: object, _cursor: object, text: str, *_: object) -> None:
        if left and text.startswith("UPDATE actions"):
            left.pop()(sandbox)

    event.listen(sa.Engine, "after_cursor_execute", see)
    try:
        yield
    finally:
        event.remove(sa.Engine, "after_cursor_execute", see)
    assert left == []


def asked(run: DeploymentRun, before: Before) -> None:
    """It waits for persons, has done nothing so far, and they say yes."""
    assert run.work() == "Suspended", run.run().state
    assert before.since() == []
    assert run.approve() == 1


def accounted(run: DeploymentRun, end: End) -> None:
    """The run's state and its report say how it ended and why."""
    state = run.run().state
    assert state is not None
    assert state.name == end.name, state.message
    assert end.words in (state.message or "") or end.words in report_of_run(run.run_id)
    outcome = run.record.outcome
    assert outcome == state.name
    assert report_of_run(run.run_id).startswith(f"# {outcome}: ")


def took_effect(run: DeploymentRun, before: Before, row: Scenario, end: End) -> None:
    """It ended so, asked for exactly these changes, and the truth is what it should be."""
    accounted(run, end)
    assert before.since() == list(end.writes)
    assert (row.truth(before.sandbox) != before.truth) == end.stands


def acted(row: Scenario) -> End:
    """How it ends when all goes well."""
    return replace(row.acts, writes=row.writes)


@pytest.mark.parametrize("row", CHOSEN, ids=str)
def test_it_only_recommends_when_it_observes_and_acts_when_people_approve(
    row: Scenario, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    row.seed(sandbox)
    before = Before.of(sandbox, row)
    with deployment_run(engine, row.playbook, **row.parameters, mode=Mode.OBSERVE.value) as run:
        run.work()
        took_effect(run, before, row, End("Recommended", ""))

    with deployment_run(engine, row.playbook, **row.parameters, mode=Mode.APPROVE.value) as run:
        if row.person:
            asked(run, before)
        run.work()

        took_effect(run, before, row, acted(row))
        if row.person:
            assert "On-call engineer" in report_of_run(run.run_id)


@pytest.mark.parametrize("row", CHOSEN, ids=str)
def test_left_alone_it_acts_and_asks_where_it_must(
    row: Scenario, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    row.seed(sandbox)
    before = Before.of(sandbox, row)
    with deployment_run(engine, row.playbook, **row.parameters, mode=Mode.AUTO.value) as run:
        ended = run.work()

        if row.asks:
            assert (ended, before.since()) == ("Suspended", [])
            return
        took_effect(run, before, row, acted(row))
        verdicts = [each.verdict.value for each in run.record.verifications]
        assert verdicts == (["holds"] if row.person else [])


@pytest.mark.parametrize("row", CHOSEN, ids=str)
def test_what_cannot_be_verified_is_taken_back_and_never_called_done(
    row: Scenario, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    spoilt = row.spoilt
    assert spoilt is not None
    row.seed(sandbox)
    before = Before.of(sandbox, row)
    spoilt.seed(sandbox)
    before = replace(before, writes=len(truths.writes(sandbox)))
    parameters = {**row.parameters, **spoilt.parameters}
    with deployment_run(engine, row.playbook, **parameters, mode=Mode.AUTO.value) as run:
        if row.asks:
            asked(run, before)
        with concurrent_edit(spoilt.manual_change, sandbox):
            run.work()

        took_effect(run, before, row, spoilt.end)
        state = run.run().state
        assert state is not None
        assert state.is_failed()
        plans = [each.plan for each in run.record.decisions]
        if any(plan.irreversible for plan in plans):
            assert state.name == Outcome.FAILED


@pytest.mark.parametrize("case", [*HandlersOnly.of(CHOSEN), *ALSO_HANDLERS_ONLY], ids=str)
def test_a_cct_with_only_its_own_handlers_gets_a_clear_outcome(
    case: HandlersOnly, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    """Nobody is asked about what cannot be done, and nothing that cannot be seen looks well."""
    sandbox.reset(dialect="handlers-only", limits=False)
    case.seed(sandbox)
    before = Before(sandbox, writes=len(truths.writes(sandbox)))
    with deployment_run(engine, case.playbook, **case.parameters, mode=Mode.AUTO.value) as run:
        if run.work() == "Suspended":
            assert case.end.writes
            run.approve()
            run.work()

        accounted(run, case.end)
        assert before.since() == list(case.end.writes)
