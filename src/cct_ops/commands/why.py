"""``cct-ops why``."""

from __future__ import annotations

from collections import Counter
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands.inbox import listed
from cct_ops.commands.names import refused
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json
from cct_ops.typed import typed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from cct_ops.ledger.intake.inbox import Arrived
    from cct_ops.models.account import Account, Entry

MOST_STORIES = 5


def why(
    wanted: Annotated[
        str, Parameter(help="An alert's name, or the id of anything that a listing shows.")
    ],
    *,
    as_json: Json = False,
) -> int:
    """Show its whole story: what arrived, rule, run, guards, outcome, and who was notified."""
    from cct_ops.commands.here import ledger
    from cct_ops.ledger import ids
    from cct_ops.ledger.intake import inbox as arrivals
    from cct_ops.record import account

    engine = ledger()
    known = ids.matching(engine, wanted, *ids.WHATEVER)
    if len(known) > 1:
        raise BadConfiguration(ids.ambiguous(wanted, known))
    chosen = next((ids.run_behind(engine, kind, each) for each, kind in known.items()), None)
    found = arrivals.about(engine, str(chosen) if chosen else wanted)
    stories = _stories(engine, found)
    if not found and chosen is not None and (story := account.read(engine, chosen)):
        stories = [story]
    if not found and not stories:
        if _known_to_prefect(wanted):
            return 0
        raise refused(wanted, arrivals.names(engine), "alert and no id")
    if as_json:
        _as_json(found, stories)
        return 0
    if found:
        listed(engine, found, as_json=False)
    if len(found) == arrivals.MOST:
        say(f"only the newest {arrivals.MOST} are shown")
    _print(stories)
    _rules_of_today(engine, found)
    return 0


def _stories(engine: sa.Engine, found: Sequence[Arrived]) -> list[Account]:
    """Read the accounts of the newest incidents, oldest first."""
    from cct_ops.record import account

    newest = list(dict.fromkeys(each.incident_id for each in reversed(found) if each.incident_id))
    read = [account.read(engine, each) for each in reversed(newest[:MOST_STORIES])]
    return [story for story in read if story is not None]


def _known_to_prefect(wanted: str) -> bool:
    """Print what Prefect has of a run that left nothing in the ledger; False if it has none."""
    from uuid import UUID

    import httpx

    from cct_ops.errors import Unavailable

    try:
        run_id = UUID(wanted)
    except ValueError:
        return False
    from prefect.exceptions import ObjectNotFound
    from prefect.settings import PREFECT_API_URL

    from cct_ops.clients import server

    if not PREFECT_API_URL.value():
        return False

    try:
        with server.CONFIGURED.connect() as client:
            run = client.read_flow_run(run_id)
    except ObjectNotFound:
        return False
    except httpx.HTTPError as error:
        raise Unavailable(
            f"the ledger has nothing of {run_id}, and Prefect does not answer:"
            f" {type(error).__name__}"
        ) from None
    message = f": {run.state.message}" if run.state and run.state.message else ""
    say(f"Run {run_id}, {run.name}, has left nothing in the ledger.")
    say(f"In Prefect it is {run.state_name or 'without a state'}{message}")
    return True


def _print(stories: Sequence[Account]) -> None:
    for story in stories:
        say()
        say((story.title, "bold"))
        for entry in story.entries:
            say(f"  {entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}  {_what(story, entry)}")
        if story.thread:
            say(f"  Its thread in Slack shows now: {story.thread}")
        say(f"  By whom and on what, step by step: {typed('incident', str(story.id))}")


def _what(story: Account, entry: Entry) -> str:
    """Say what an entry says, with the run that it is of."""
    run = story.run(entry.run_id)
    if run is None or str(run.id) in entry.text:
        return entry.text
    return f"{run.playbook} {str(run.id)[:8]}: {entry.text}"


def _as_json(found: Sequence[Arrived], stories: Sequence[Account]) -> None:
    say_json(
        {
            "arrived": [{**each.model_dump(mode="json"), "became": each.became} for each in found],
            "stories": [
                {
                    "title": story.title,
                    "moments": [
                        {"at": entry.at, "what": _what(story, entry)} for entry in story.entries
                    ],
                }
                for story in stories
            ],
        }
    )


def _rules_of_today(engine: sa.Engine, found: Sequence[Arrived]) -> None:
    from cct_ops.controller.routes import read_routes
    from cct_ops.ledger.intake import inbox as arrivals
    from cct_ops.settings import Settings

    about = {each.incident_id for each in found if each.incident_id}
    if not about:
        return
    routes = read_routes(Settings.load().routes_path)
    rules = [routes.rule_for(*seen) for seen in arrivals.labels(engine, about)]
    meets = Counter(
        f"{rule.name}: {rule.playbook} ({rule.mode})" if rule.playbook else f"{rule.name}: people"
        for rule in rules
    )
    say()
    for words, count in meets.most_common():
        say(f"today's rule for {'it' if count == 1 else f'{count} incidents'} is {words}")
