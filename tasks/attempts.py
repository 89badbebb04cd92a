"""One attempt per run, round every playbook before it looks at anything, and its final state."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from uuid import UUID

import sqlalchemy as sa
from prefect import Flow, get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext
from prefect.runtime import flow_run

from cct_ops.errors import LedgerAway
from cct_ops.ledger import set_aside
from cct_ops.ledger.engine import is_away, patient
from cct_ops.ledger.gate import attempts
from cct_ops.ledger.gate.attempts import Refusal
from cct_ops.models.run import (
    NOT_RECORDED,
    REFUSED,
    RULE,
    UPKEEP,
    Resolution,
    Start,
    Starter,
    incident_of,
    incidents_named,
)
from cct_ops.typed import typed
from tasks.approval import started_by
from tasks.connections import LOOKS_SINCE, current_run, ledger, settings
from tasks.takeover import heard


class Ended(State[Resolution]):
    """
    How a run ended.

    A run that needs attention is red, and that is no error of its flow. Prefect's engine would take
    the result of a red state for an exception to raise; here it gets what the flow returned.
    """

    @classmethod
    def of(cls, resolution: Resolution, *, red: bool) -> Ended:
        """Make the state that says so."""
        return cls(
            type=StateType.FAILED if red else StateType.COMPLETED,
            name=resolution.outcome.value,
            message=resolution.reason,
            data=resolution,
        )

    def result(self, *_: object, **__: object) -> Any:
        """Return the resolution, of whatever colour; None of a run that was not begun."""
        data: Any = self.data  # the engine wraps it in a record of its own
        return data.result if hasattr(data, "result") else data


def scheduled() -> bool:
    """Say whether a schedule started this run, and neither a person nor an alert."""
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.auto_scheduled)


P = ParamSpec("P")
R = TypeVar("R")

PATIENCE_SECONDS = 60.0
"""A ledger that is restarted is back by then; leases last longer."""


def one_attempt(playbook: Flow[P, R]) -> Flow[P, R]:
    """
    Let each run of the playbook begin once; a further attempt ends at once and says so.

    One at a run that has ended leaves it in the state of its outcome: a worker that was asleep may
    take up what another one has ended meanwhile, and the history is to say what became of it.

    The flow itself has no retries, whatever Prefect's settings say: an attempt that changed
    something is never repeated, and what only failed to look is retried by its probe.
    """
    function: Any = playbook.fn

    @wraps(function)
    def attempt(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            with _begun() as refusal:
                if refusal is None:
                    return function(*args, **kwargs)
        except (LedgerAway, sa.exc.SQLAlchemyError) as error:
            if not is_away(error):
                raise
            refusal, name = Refusal(_not_recorded(error)), NOT_RECORDED
        else:
            name = REFUSED if refusal.outcome is None else refusal.outcome.value
        get_run_logger().error("%s", refusal.reason)
        red = refusal.outcome is None or refusal.outcome.needs_attention
        kind = StateType.FAILED if red else StateType.COMPLETED
        return Ended(type=kind, name=name, message=refusal.reason)

    # Prefect reads the types of a flow's parameters from it, and they are names of another module.
    setattr(attempt, "__signature__", inspect.signature(function, eval_str=True))  # noqa: B010
    playbook.fn = attempt
    playbook.retries = 0
    return playbook


@contextmanager
def _begun() -> Iterator[Refusal | None]:
    """
    Hold the run for this process, and yield why it may not go on, if it may not.

    Until it ends it waits for a ledger that is away.
    """
    run = current_run()
    with patient(PATIENCE_SECONDS):
        wrong = _wrong_incident(tuple(flow_run.tags))
        if wrong is not None:
            yield Refusal(f"{wrong} Nothing was looked at and nothing was changed.")
            return
        _no_retries()
        LOOKS_SINCE.set(attempts.alert_came(ledger(), run))
        with (
            attempts.attempt(ledger(), run.id, settings().lease_seconds, _start()) as refusal,
            nullcontext() if refusal else heard(ledger(), run.id),
        ):
            yield refusal and refusal._replace(
                reason=f"{refusal.reason} Nothing was done now, and its record stays as it is: to"
                f" have the playbook work again, start a new run of {run.playbook}."
            )


def _not_recorded(error: Exception) -> str:
    """Say what becomes of a run that ends because the ledger is away."""
    return (
        f"The ledger gave no answer, so the end of this run may not be written down"
        f" ({set_aside.reason_of(error)}). Nothing has to be done: when the ledger answers, the"
        " controller sees whether it is. Where it is not, another run looks in its place, or puts"
        " back what this one changed."
    )


def _start() -> Start:
    """Return who started this run, as its tags and Prefect say."""
    tags, person = tuple(flow_run.tags), started_by()
    if person is not None:
        return Start(starter=Starter.PERSON, name=person)
    if scheduled():
        return Start(starter=Starter.SCHEDULE)
    for tag in tags:
        if tag.startswith(RULE):
            return Start(starter=Starter.ALERT, name=tag.removeprefix(RULE))
    return Start(starter=Starter.UPKEEP if UPKEEP in tags else Starter.PREFECT)


def _wrong_incident(tags: tuple[str, ...]) -> str | None:
    """Return what is wrong with the incident that a run's tags name, if anything is."""
    named = incidents_named(tags)
    if not named:
        return None
    if len(named) > 1:
        return f"The tags of this run name {len(named)} incidents; one at most can be meant."
    incident_id: UUID | None = incident_of(tags)
    if incident_id is None:
        return (
            f"The tag incident:{named[0][:100]} names no incident: it takes the id that"
            f" `{typed('inbox')}` shows."
        )
    if not attempts.is_known(ledger(), incident_id):
        return (
            f"The ledger has no incident {incident_id}: `{typed('inbox')}` shows those that it has."
        )
    return None


def _no_retries() -> None:
    """Take from this run the retries that somebody gave it: its end would be none."""
    context = FlowRunContext.get()
    given = context.flow_run if context else None
    if given is not None and given.empirical_policy.retries:
        policy = given.empirical_policy.model_copy(update={"retries": 0})
        with get_client(sync_client=True) as client:
            client.update_flow_run(given.id, empirical_policy=policy)
