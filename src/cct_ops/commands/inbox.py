"""``cct-ops inbox``, ``cct-ops why`` and ``cct-ops readmit``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from cct_ops.clients.text import one_line
from cct_ops.errors import BadConfiguration

if TYPE_CHECKING:
    from cct_ops.ledger.inbox import Arrived


def inbox(
    *,
    limit: Annotated[int, Parameter(help="How many alerts, the newest first.")] = 50,
    unfinished: Annotated[bool, Parameter(help="Only what waits, or waits for a person.")] = False,
) -> int:
    """Show what came in and what became of it: run, duplicate, late, blocked, quarantined."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import backlog
    from cct_ops.ledger import inbox as arrivals

    engine = ledger()
    _show(arrivals.newest(engine, limit, unfinished=unfinished))
    counts = backlog.counts(engine)
    print_line(", ".join(f"{what}: {count}" for what, count in counts.items()))
    return 0


def why(
    wanted: Annotated[str, Parameter(help="An alert's name, or an incident, delivery or run.")],
) -> int:
    """Show everything that arrived about it, oldest first, and which rule it meets today."""
    from cct_ops.commands.here import ledger
    from cct_ops.dispatcher.routes import read_routes
    from cct_ops.ledger import inbox as arrivals
    from cct_ops.settings import Settings

    engine = ledger()
    found = arrivals.about(engine, wanted)
    if not found:
        raise BadConfiguration(f"nothing arrived that is called {one_line(wanted, 80)}")
    _show(found)
    if len(found) == arrivals.MOST:
        print_line(f"only the newest {arrivals.MOST} are shown")
    routes = read_routes(Settings.load().routes_path)
    about = {each.incident_id for each in found if each.incident_id}
    rules = [routes.rule_for(*told) for told in arrivals.labels(engine, about)]
    meets = Counter(
        f"{rule.name}: {rule.playbook} ({rule.mode})" if rule.playbook else f"{rule.name}: people"
        for rule in rules
    )
    for words, count in meets.most_common():
        print_line(f"today's rule for {'it' if count == 1 else f'{count} incidents'} is {words}")
    return 0


def readmit(
    delivery: Annotated[UUID, Parameter(help="Its id, as the inbox shows it.")],
) -> int:
    """Read a quarantined delivery with today's sources, and take it in if that succeeds."""
    from cct_ops import config_file
    from cct_ops.commands.here import ledger
    from cct_ops.gateway.past import incoming
    from cct_ops.ledger import intake, replay
    from cct_ops.models.source import Sources
    from cct_ops.settings import Settings

    engine = ledger()
    past = replay.one(engine, delivery)
    if past is None or past.status != "quarantined":
        raise BadConfiguration(f"there is no delivery {delivery} in quarantine")
    known = config_file.load(Settings.load().sources_path, Sources).sources
    again = incoming(past, known)
    if again.alerts is None:
        raise BadConfiguration(f"it is still not understood: {again.note}")
    receipt = intake.record_all(engine, [again])[0]
    replay.readmitted(engine, delivery, f"Taken in by a person as delivery {receipt.delivery_id}.")
    print_line(f"taken in as delivery {receipt.delivery_id}, {len(receipt.incidents)} incidents")
    return 0


def print_line(text: str) -> None:
    """Print plain text, whatever stands in it."""
    Console(soft_wrap=True).print(Text(text))


def _show(found: Sequence[Arrived]) -> None:
    table = Table("received (UTC)", "source", "alert", "what became of it", "incident or delivery")
    for each in found:
        copies = f" ({each.copies} copies)" if each.copies > 1 else ""
        table.add_row(
            f"{each.received_at:%Y-%m-%d %H:%M:%S}",
            Text(each.source),
            Text(one_line(each.alertname or "-", 40)),
            Text(one_line(each.became, 200) + copies),
            str(each.incident_id or each.delivery_id),
        )
    Console().print(table)
