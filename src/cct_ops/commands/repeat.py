"""``cct-ops repeat``: one alert of a past delivery, once more."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from cct_ops.commands.options import Json
from cct_ops.terminal import say, say_json


def repeat(
    delivery: Annotated[str, Parameter(help="Its id, as the inbox shows it.")],
    *,
    alert: Annotated[
        int,
        Parameter(
            help="Which of its alerts that fire, from 0.", validator=validators.Number(gte=0)
        ),
    ] = 0,
    yes: Annotated[
        bool, Parameter(negative="", help="Do it; without this it only says what would happen.")
    ] = False,
    as_json: Json = False,
) -> int:
    """
    Say what an alert that came once would lead to now, and with --yes let it come in again.

    It comes as a new delivery that names you and the original, and goes the way of any alert. While
    an incident from it is open it starts nothing.
    """
    from uuid import uuid4

    from cct_ops.clients import alertmanager
    from cct_ops.commands.here import ledger, person
    from cct_ops.errors import BadConfiguration
    from cct_ops.gateway.senders import repeat as repeating
    from cct_ops.ledger import ids
    from cct_ops.ledger.intake import replay
    from cct_ops.models.base import counted
    from cct_ops.replay import single
    from cct_ops.replay.rules import RuleFiles, read_rules
    from cct_ops.settings import Settings

    engine, settings = ledger(), Settings.load()
    meant = ids.one(engine, delivery, ids.Kind.DELIVERY, listed_by="cct-ops inbox")
    past = replay.one(engine, meant)
    if past is None:
        raise BadConfiguration(f"there is no delivery {meant}")
    rules = read_rules(RuleFiles(settings.sources_path, settings.routes_path, settings.policy_path))
    alerts = repeating.firing(past, rules.sources)
    if alert >= len(alerts):
        raise BadConfiguration(
            f"delivery {meant} has {counted(len(alerts), 'alert')} firing, counted from 0"
        )
    if yes:
        receipt = repeating.repeat(engine, past, rules.sources, alert, by=person(), once=uuid4())
        say(
            f"It came in again, as delivery {receipt.delivery_id}: incident {receipt.incidents[0]}."
        )
        return 0
    url, seconds = settings.alertmanager_url, settings.request_timeout_seconds

    found = single.foresee(
        engine,
        rules,
        past,
        alerts[alert],
        lambda: alertmanager.silences(str(url), seconds) if url else (),
    )
    if as_json:
        say_json({"alert": alerts[alert].labels, **found.model_dump()})
        return 0
    say(found.words)
    for each in found.reasons:
        say(f"  {each}")
    return 0
