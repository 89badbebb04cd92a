"""``cct-ops guards``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands.here import ledger
from cct_ops.commands.options import Json
from cct_ops.terminal import Styled, columns, show

if TYPE_CHECKING:
    from cct_ops.models.guards import GuardResult


_COLUMNS = columns("guard", verdict="", now="now", until="until (UTC)")


def guards(
    playbook: Annotated[str, Parameter(help="As in the policy, such as auto-rollback.")],
    target: Annotated[str, Parameter(help="What it would change, such as /daily-summary.")],
    *,
    incident: Annotated[
        str | None,
        Parameter(help="The incident that it is for: then silences are held against its labels."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Show where every guard stands for a change that an alert would start right now."""
    rows = [
        {"guard": each.guard, "verdict": _verdict(each), "now": each.detail, "until": each.until}
        for each in _guard_results(playbook, target, incident)
    ]
    show(_COLUMNS, rows, as_json=as_json, title=f"{playbook} on {target}")
    return 0


def _verdict(result: GuardResult) -> Styled:
    if result.stops:
        return Styled("stops", "bold red")
    return Styled("depends", "yellow") if result.depends else Styled("lets through", "green")


def _guard_results(playbook: str, target: str, incident: str | None) -> list[GuardResult]:
    from cct_ops.clients import alertmanager
    from cct_ops.commands import names
    from cct_ops.config import policy
    from cct_ops.ledger import ids
    from cct_ops.ledger.gate import guards as ledger_guards, locks
    from cct_ops.models.guards import Guard, GuardResult, Intent, Rules
    from cct_ops.settings import Settings

    settings = Settings.load()
    known = policy.read(settings.policy_path)
    names.playbook(playbook, known)
    names.target(target, known)
    url = settings.alertmanager_url
    timeout = settings.request_timeout_seconds
    rules = Rules(
        settings=known.guards,
        maintenance=known.maintenance,
        allowed=known.of(playbook).targets,
        silences=alertmanager.silences(str(url), timeout) if url else (),
    )
    engine = ledger()
    meant = incident and ids.one(engine, incident, ids.Kind.INCIDENT, listed_by="cct-ops inbox")
    intent = Intent(playbook=playbook, target=target, calls=1, incident_id=meant or None)
    with engine.connect() as connection:
        found = list(ledger_guards.guard_results(connection, intent, rules))
        waiting = ledger_guards.waiting_run(connection, intent)
    held = locks.holder(engine, target)
    found.append(
        GuardResult(guard=Guard.LOCK, stops=True, detail=f"run {held[0]} holds it", until=held[1])
        if held
        else GuardResult(guard=Guard.LOCK, stops=False, detail="nobody changes the target")
    )
    if waiting:
        found.append(ledger_guards.merged(intent, waiting))
    return found
