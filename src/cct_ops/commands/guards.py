"""``cct-ops guards``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.commands.here import ledger

if TYPE_CHECKING:
    from cct_ops.models.guards import Standing


def guards(
    playbook: Annotated[str, Parameter(help="As in the policy, such as auto-rollback.")],
    target: Annotated[str, Parameter(help="What it would change, such as /daily-summary.")],
) -> int:
    """Show where every guard stands for a change that an alert would start right now."""
    table = Table("Guard", "", "Now", "Until (UTC)", title=f"{playbook} on {target}")
    for each in _standings(playbook, target):
        verdict = Text("stops", "bold red") if each.stops else Text("lets through", "green")
        until = f"{each.until:%Y-%m-%d %H:%M:%S}" if each.until else ""
        table.add_row(each.guard.value, verdict, Text(each.detail), until)
    Console().print(table)
    return 0


def _standings(playbook: str, target: str) -> list[Standing]:
    from cct_ops import policy
    from cct_ops.clients import alertmanager
    from cct_ops.ledger import guards as ledger_guards
    from cct_ops.ledger import locks
    from cct_ops.models.guards import Guard, Intent, Rules, Standing
    from cct_ops.settings import Settings

    settings = Settings.load()
    known = policy.read(settings.policy_path)
    url = settings.alertmanager_url
    timeout = settings.request_timeout_seconds
    rules = Rules(
        settings=known.guards,
        maintenance=known.maintenance,
        allowed=known.of(playbook).targets,
        silences=alertmanager.silences(str(url), timeout) if url else (),
    )
    intent = Intent(playbook=playbook, target=target, calls=1)
    engine = ledger()
    with engine.connect() as connection:
        found = list(ledger_guards.standings(connection, intent, rules))
        waiting = ledger_guards.waiting_run(connection, intent)
    held = locks.holder(engine, target)
    found.append(
        Standing(guard=Guard.LOCK, stops=True, detail=f"run {held[0]} holds it", until=held[1])
        if held
        else Standing(guard=Guard.LOCK, stops=False, detail="nobody changes the target")
    )
    if waiting:
        found.append(ledger_guards.merged(intent, waiting))
    return found
