"""``cct-ops takeover``: a person steers a playbook that is at work."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from cyclopts import Parameter

from cct_ops.commands.here import PROOF, ledger, person
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    import sqlalchemy as sa

    from cct_ops.models.takeover import RunProgress

LONGEST_HOURS = 720.0


def takeover(
    wanted: Annotated[str, Parameter(name="ID", help="Of the run, or of its incident.")],
    *,
    undo: Annotated[
        bool, Parameter(negative="", help="Stop it, and take its change back.")
    ] = False,
    keep: Annotated[bool, Parameter(negative="", help="Stop it, and let its change stay.")] = False,
    watch: Annotated[
        bool, Parameter(negative="", help="Let it look on, and change nothing.")
    ] = False,
    reason: Annotated[str, Parameter(help="Why; kept in the record.")] = "",
    hours: Annotated[float, Parameter(help="How long automation leaves its target alone.")] = 4,
    as_json: Json = False,
) -> int:
    """
    Take over a playbook that is at work, wherever it is: it hears of it within two seconds.

    Without a choice it says what each would do to this run now. Its incident is yours from then on,
    and its target is held until `cct-ops release` or so many hours later.
    """
    from cct_ops.gate.takeover import take_over
    from cct_ops.ledger.gate.takeovers import Wish
    from cct_ops.models.takeover import Choice
    from cct_ops.reports import takeovers as words

    engine = ledger()
    run_id = _meant(engine, wanted)
    chosen = [choice for choice, said in zip(Choice, (undo, keep, watch), strict=True) if said]
    if not chosen:
        return _offer(engine, run_id, as_json=as_json)
    if len(chosen) > 1:
        raise BadConfiguration("choose one of --undo, --keep and --watch")
    if not reason.strip():
        raise BadConfiguration("a takeover needs a --reason, for whoever reads of it")
    if not 0 < hours <= LONGEST_HOURS:
        raise BadConfiguration(f"--hours is more than 0 and at most {LONGEST_HOURS:g}")
    name = person()
    wish = Wish(
        choice=chosen[0],
        person=name,
        proof=PROOF,
        signature=name,
        reason=reason.strip(),
        held_until=datetime.now(UTC) + timedelta(hours=hours),
    )
    taken, found = take_over(engine, run_id, wish, _in_prefect)
    if as_json:
        say_json(taken.model_dump(mode="json"))
        return 0
    say((f"{words.standing(found)} ", "bold"), f"You have taken it over: {taken.choice}.")
    say(words.effect(found, taken.choice))
    say(words.held(taken.target, taken.held_until))
    return 0


def _offer(engine: sa.Engine, run_id: UUID, *, as_json: bool) -> int:
    """Say what each choice would do to the run now."""
    from cct_ops.errors import NotPermitted
    from cct_ops.ledger.gate import run_progress, takeovers
    from cct_ops.models.takeover import Choice
    from cct_ops.reports import takeovers as words

    with engine.connect() as connection:
        found = run_progress.read(connection, run_id)
    if found is None:
        raise NotPermitted(f"The ledger knows no run {run_id}: nothing of it was ever begun.")
    if not found.can_be_taken_over:
        raise NotPermitted(takeovers.refusal(found))
    if as_json:
        effects = {choice.value: words.effect(found, choice) for choice in Choice}
        say_json({"run_id": str(run_id), "phase": found.phase.value, "choices": effects})
        return 0
    say((words.standing(found), "bold"))
    for option, choice in zip(("--undo", "--keep", "--watch"), Choice, strict=True):
        say((f"{option}: ", "bold"), words.effect(found, choice))
    return 0


def _meant(engine: sa.Engine, wanted: str) -> UUID:
    """Return the run that is meant: itself, or the one that is at work on the incident."""
    from cct_ops.gate.takeover import at_work
    from cct_ops.ledger import ids
    from cct_ops.record import account

    known = ids.matching(engine, wanted, ids.Kind.INCIDENT, ids.Kind.RUN)
    if not known:
        with suppress(ValueError):  # one that Prefect alone knows is typed whole
            return UUID(wanted.strip())
    meant = ids.one(engine, wanted, ids.Kind.INCIDENT, ids.Kind.RUN, listed_by="cct-ops incidents")
    if known[meant] is ids.Kind.RUN:
        return meant
    found = account.read(engine, meant)
    runs = at_work(engine, tuple(run.id for run in found.runs) if found else ())
    if not runs:
        raise BadConfiguration(f"no playbook is at work on incident {meant}")
    if len(runs) > 1:
        raise BadConfiguration(f"name one of the runs at work on it: {_listed(runs)}")
    return runs[0].run_id


def _listed(runs: list[RunProgress]) -> str:
    return ", ".join(f"{run.run_id} ({run.playbook} {run.phase})" for run in runs)


def _in_prefect(run_id: UUID) -> tuple[str, str] | None:
    """Ask Prefect for the playbook and the target of a run; what is not to be had is left open."""
    import httpx
    from prefect.settings import PREFECT_API_URL

    from cct_ops.clients import server

    if not PREFECT_API_URL.value():  # its client would start a server of its own
        return None
    try:
        with server.CONFIGURED.connect() as client:
            return server.work_of(client, run_id)
    except (httpx.HTTPError, RuntimeError):
        return None
