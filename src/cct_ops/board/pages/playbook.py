"""Playbook: what it does and may do, its record, its last runs, and the form that starts it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID, uuid5

from markupsafe import Markup

from cct_ops.board import runbook, start_form
from cct_ops.board.deployments import not_started
from cct_ops.board.page import (
    Action,
    Asked,
    Board,
    Done,
    FillAgain,
    Form,
    NoSuchPage,
    Page,
    Visitor,
)
from cct_ops.board.start_form import Choice, Field, Offered, Schema
from cct_ops.config import policy, targets
from cct_ops.config.policy import Policy
from cct_ops.errors import Rejected, Unavailable
from cct_ops.ledger import ids
from cct_ops.ledger.gate import approvals, breakers, changes, drains, levels
from cct_ops.ledger.gate.approvals import Pending
from cct_ops.ledger.gate.breakers import Stopping
from cct_ops.ledger.gate.drains import Drain
from cct_ops.ledger.gate.levels import Earned
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role
from cct_ops.models.run import Mode, incident_tag
from cct_ops.record import account, incidents, playbook_runs, standing
from cct_ops.record.incidents import Filters
from cct_ops.record.playbook_runs import Drilled, Ended

RUNS = 10
CHOICES = 50
_EXPERIMENT = "chaos-experiment"


class Started(Frozen):
    """A run that the reader has just asked for."""

    id: UUID
    link: str | None
    begun: bool


class Playbook(Frozen):
    """Everything on the page; without ``fields`` it cannot be started from here."""

    model_config = Frozen.model_config | {"arbitrary_types_allowed": True}

    name: str
    words: tuple[tuple[str, str], ...]
    ceiling: Mode
    targets: tuple[str, ...]
    earned: tuple[Earned, ...]
    open: tuple[Stopping, ...]
    drilled: Drilled | None
    runs: tuple[Ended, ...]
    waiting: tuple[Pending, ...]
    runbook: Markup | None
    startable: bool
    paused: bool
    drain: Drain | None
    fields: tuple[Field, ...]
    incidents: tuple[Choice, ...]
    given: Mapping[str, str]
    started: Started | None
    away: str | None


def read(board: Board, asked: Asked) -> Playbook:
    """Read it; what the address says of parameters is filled in already."""
    name = dict(asked.places)["playbook"]
    rules = policy.read(board.settings.policy_path)
    found, away = board.prefect.known()
    deployed = found.get(name)
    if deployed is None and name not in rules.playbooks:
        raise NoSuchPage
    with board.engine.connect() as ledger:
        earned = levels.earned(ledger, name, rules)
    return Playbook(
        name=name,
        words=deployed.words if deployed else (),
        ceiling=rules.ceiling(name),
        targets=rules.of(name).targets,
        earned=earned,
        open=breakers.standing(board.engine, name, rules),
        drilled=playbook_runs.last_game_day(board.engine, name),
        runs=playbook_runs.newest(board.engine, name, RUNS),
        waiting=tuple(each for each in approvals.pending(board.engine) if each.playbook == name),
        runbook=runbook.read(name),
        startable=deployed is not None,
        paused=deployed is not None and deployed.paused,
        # what puts things back begins all the same
        drain=drains.standing(board.engine) if deployed and deployed.playbook else None,
        fields=start_form.fields(deployed.schema, _offered(board, name, rules, deployed.schema))
        if deployed
        else (),
        incidents=_open_incidents(board),
        given=dict(asked.filters),
        started=_started(board, asked.filter("run")),
        away=away,
    )


def start(board: Board, visitor: Visitor, form: Form) -> Done:
    """Start it as `cct-ops run` does, by the name of whoever is signed in."""
    from cct_ops.clients.parameters import judged  # it brings the validator of schemas

    name = form.places["playbook"]
    deployed = board.prefect.known().found.get(name)
    if deployed is None:
        raise Unavailable(f"{name} was not started: Prefect does not answer, or does not know it.")
    rules = policy.read(board.settings.policy_path)
    made = start_form.fields(deployed.schema, _offered(board, name, rules, deployed.schema))
    given, problems = judged(deployed.schema, start_form.typed(made, form))
    titles = {each.name: each.title for each in made}
    wrong = {each.name: f"{titles.get(each.name, '')}{each.words}" for each in problems}
    tags = [f"started-by:{visitor.name}"]
    if incident := form.optional("incident"):
        meant = list(ids.matching(board.engine, incident, ids.Kind.INCIDENT))
        tags += map(incident_tag, meant)
        if len(meant) != 1:
            wrong["incident"] = "For the incident: there is none of this id."
    if wrong:
        raise FillAgain(f"{name} was not started: something does not fit.", wrong)
    try:
        run_id = board.prefect.start(name, given, key=_key(visitor, form, given), tags=tags)
    except (Unavailable, Rejected) as error:
        again = "Press the button again: it is one run in any case."
        raise FillAgain(not_started(name, error, again), {}) from error
    then = f"/playbooks/{name}?run={run_id}"
    return Done(f"You started {name}: it is run {str(run_id)[:8]}.", then)


def _key(visitor: Visitor, form: Form, given: Mapping[str, object]) -> str:
    """Return the same key for the same form with the same content: two clicks are one run."""
    content = json.dumps([form.places["playbook"], form.optional("incident"), given])
    return f"board {visitor.session.id} {uuid5(form.once, content)}"


def _offered(board: Board, name: str, rules: Policy, schema: Schema) -> Offered:
    """Return what can be picked, for the fields that the form has."""
    of = rules.of(name)
    wanted = schema.get("properties", {})
    there: dict[str, tuple[Choice, ...]] = {}
    if "change_id" in wanted:
        there["change_id"] = tuple(
            Choice(value=str(each.id), label=f"{each.call} on {each.target}, by {each.owner}")
            for each in changes.listed(board.engine)
        )
    if "experiment" in wanted:
        there["experiment"] = tuple(
            Choice(value=str(each.run_id), label=f"{each.finished_at:%Y-%m-%d %H:%M} UTC")
            for each in playbook_runs.newest(board.engine, _EXPERIMENT, CHOICES)
        )
    if "about" in wanted:
        there["about"] = tuple(
            Choice(
                value=str(each.id),
                label=f"{each.at:%Y-%m-%d %H:%M} UTC, {each.what}"
                + (f", {each.playbook}" if each.playbook else "")
                + (f" on {each.target}" if each.target else ""),
            )
            for each in incidents.newest(board.engine, CHOICES, Filters())
        )
    return Offered(
        ceiling=of.ceiling,
        targets=tuple(targets.names(of.targets)),
        there=there,
        picked=frozenset({"change_id"}),
    )


def _open_incidents(board: Board) -> tuple[Choice, ...]:
    found = standing.urgent(board.engine, board.contacts().severities, CHOICES).shown
    return tuple(
        Choice(
            value=str(each.id),
            label=f"{each.severity} {each.what}" + (f" {each.target}" if each.target else ""),
        )
        for each in found
    )


def _started(board: Board, run: str | None) -> Started | None:
    try:
        run_id = UUID(run or "")
    except ValueError:
        return None
    begun = account.read(board.engine, run_id) is not None
    return Started(id=run_id, link=board.link_to_run(run_id), begun=begun)


PAGE = Page(
    "playbook",
    "Playbook",
    "/playbooks/{playbook}",
    read,
    in_menu=False,
    actions=(Action("/playbooks/{playbook}", Role.RESPONDER, start, seconds=60),),
)
