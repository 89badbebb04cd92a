"""Playbooks: what each is for and may do, its record and its parameters, and a start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from pydantic import Field

from cct_ops.board.api.operation import Call, Done, Operation
from cct_ops.board.api.problem import Refusal, Wrong
from cct_ops.board.deployments import not_started
from cct_ops.board.page import NoSuchPage
from cct_ops.board.pages import playbook as one, playbooks as pages
from cct_ops.clients import parameters
from cct_ops.errors import Unavailable
from cct_ops.ledger import ids
from cct_ops.ledger.gate.levels import Earned
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role
from cct_ops.models.run import Mode, incident_tag
from cct_ops.record.playbook_runs import Ended

TAG = "playbooks"
_PATH = "/playbooks/{playbook}"
_AGAIN = "Ask again with the same Idempotency-Key: it is one run in any case."
_NO_KEY = "Look at its runs before you ask again: without an Idempotency-Key that is another run."


class Playbook(Frozen):
    """One playbook."""

    name: str
    when: str = Field(description="When it is needed.")
    ceiling: Mode = Field(description="The most that policy lets it do.")
    paused: bool
    upkeep: bool = Field(description="True if it puts back what others changed.")
    last: Ended | None


class Playbooks(Frozen):
    """All there are."""

    items: tuple[Playbook, ...]
    away: str | None = Field(description="Why Prefect is not heard, where it is not.")


class Breaker(Frozen):
    """One breaker that is open, on one target."""

    target: str
    guard: str
    detail: str


class PlaybookDetail(Frozen):
    """What one playbook may do, what it did, and what it takes."""

    name: str
    description: tuple[str, ...]
    ceiling: Mode
    targets: tuple[str, ...]
    earned: tuple[Earned, ...]
    breakers: tuple[Breaker, ...]
    runs: tuple[Ended, ...]
    startable: bool
    paused: bool
    parameters: dict[str, Any] | None = Field(
        description="The JSON Schema of its parameters; null while Prefect is not heard."
    )
    away: str | None = Field(description="Why Prefect is not heard, where it is not.")


class Start(Frozen):
    """With which parameters, and for which incident."""

    parameters: dict[str, Any] = Field(
        default_factory=dict, description="By the schema of the playbook, in `parameters` of it."
    )
    incident_id: UUID | None = None


def listed(call: Call) -> Playbooks:
    """List them."""
    found = pages.read(call.board, call.asked())
    kinds = ((found.playbooks, False), (found.upkeep, True))
    return Playbooks(
        items=tuple(
            Playbook(**dict(each), upkeep=upkeep) for kind, upkeep in kinds for each in kind
        ),
        away=found.away,
    )


def read(call: Call) -> PlaybookDetail:
    """Read one, as its page does."""
    found = one.read(call.board, call.asked())
    # The page has waited for Prefect already.
    deployed = call.board.prefect.known(wait_seconds=0).found.get(found.name)
    return PlaybookDetail(
        name=found.name,
        description=tuple(f"{label} {text}".strip() for label, text in found.words),
        ceiling=found.ceiling,
        targets=found.targets,
        earned=found.earned,
        breakers=tuple(Breaker(**each._asdict()) for each in found.open),
        runs=found.runs,
        startable=found.startable,
        paused=found.paused,
        parameters=dict(deployed.schema) if deployed else None,
        away=found.away,
    )


def start(call: Call) -> Done:
    """Start it by the name of the program, and of whoever asked it to."""
    wanted: Start = call.body
    name = call.places["playbook"]
    found, away = call.board.prefect.known()
    if name not in found:
        if away is None:
            raise NoSuchPage
        raise Unavailable(f"{name} was not started: {away}")
    wrong = [*_wrong(wanted, found[name].schema)]
    tags = [f"started-by:{call.visitor.name}"]
    if wanted.incident_id is not None:
        known = ids.matching(call.board.engine, str(wanted.incident_id), ids.Kind.INCIDENT)
        tags.append(incident_tag(wanted.incident_id))
        if wanted.incident_id not in known:
            wrong.append(Wrong(field="body.incident_id", detail="There is none of this id"))
    if wrong:
        words = f"{name} was not started: {wrong[0].field}: {wrong[0].detail}."
        raise Refusal(422, words, errors=wrong)
    key = f"api {call.visitor.session.id} {call.key or uuid4()}"
    try:
        run_id = call.board.prefect.start(name, wanted.parameters, key=key, tags=tags)
    except Unavailable as error:
        raise Unavailable(not_started(name, error, _AGAIN if call.key else _NO_KEY)) from error
    said = f"{name} was started: it is run {run_id}."
    return Done(done=said, run_id=run_id, page=call.page(f"/playbooks/{name}?run={run_id}"))


def _wrong(wanted: Start, schema: Mapping[str, Any]) -> list[Wrong]:
    found = parameters.problems(schema, wanted.parameters)
    return [
        Wrong(
            field=f"body.parameters.{each.name}".rstrip("."),
            detail=each.words.removeprefix(":").strip(),
        )
        for each in found
    ]


OPERATIONS = (
    Operation(
        "get", "/playbooks", "listPlaybooks", TAG, "What there is to start", listed, Playbooks
    ),
    Operation(
        "get",
        _PATH,
        "readPlaybook",
        TAG,
        "What one may do, its record, and its parameters",
        read,
        PlaybookDetail,
    ),
    Operation(
        "post",
        f"{_PATH}/start",
        "startPlaybook",
        TAG,
        "Start a run of it",
        start,
        Done,
        needs=Role.RESPONDER,
        body=Start,
        seconds=60,
        more="The lowest of the mode that is asked for and the ceiling holds. With the same"
        " `Idempotency-Key` it is one run, also in Prefect. 503 within some ten seconds while"
        " Prefect does not answer: nothing was started, unless `detail` says that this is not"
        " known.",
    ),
)
