"""``cct-ops why``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cct_ops.commands.inbox import listed
from cct_ops.commands.names import refused
from cct_ops.commands.options import Json
from cct_ops.errors import BadConfiguration
from cct_ops.terminal import say, say_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from cct_ops.ledger.intake.inbox import Arrived
    from cct_ops.ledger.record.history import Story

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
    from cct_ops.ledger.record import history

    engine = ledger()
    known = ids.matching(engine, wanted, *ids.WHATEVER)
    if len(known) > 1:
        raise BadConfiguration(ids.ambiguous(wanted, known))
    chosen = next((ids.run_behind(engine, kind, each) for each, kind in known.items()), None)
    found = arrivals.about(engine, str(chosen) if chosen else wanted)
    stories = _stories(engine, found)
    if not found and chosen is not None and (story := history.of_run(engine, chosen)):
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
    _print(engine, stories)
    _rules_of_today(engine, found)
    return 0


def _stories(engine: sa.Engine, found: Sequence[Arrived]) -> list[Story]:
    """Read the newest incidents with all that was done about them, oldest first."""
    from cct_ops.ledger.record import history

    newest = list(dict.fromkeys(each.incident_id for each in reversed(found) if each.incident_id))
    read = [history.of_incident(engine, each) for each in reversed(newest[:MOST_STORIES])]
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


def _print(engine: sa.Engine, stories: Sequence[Story]) -> None:
    from cct_ops.ledger.people import slack_threads
    from cct_ops.reports import story as story_texts

    for story in stories:
        say()
        say((story_texts.title(story), "bold"))
        for moment in story_texts.moments(story):
            say(f"  {moment.at:%Y-%m-%d %H:%M:%S}  {moment.what}")
        topic_id = story.incident.id if story.incident else story.runs[0].id
        head = slack_threads.shown(engine, topic_id)
        if head is not None:
            say(f"  Its thread in Slack shows now: {head.state}: {head.title}")


def _as_json(found: Sequence[Arrived], stories: Sequence[Story]) -> None:
    from pydantic_core import to_jsonable_python

    from cct_ops.reports import story as story_texts

    content = {
        "arrived": [{**each.model_dump(mode="json"), "became": each.became} for each in found],
        "stories": [
            {
                "title": story_texts.title(story),
                "moments": [
                    to_jsonable_python(each._asdict()) for each in story_texts.moments(story)
                ],
            }
            for story in stories
        ],
    }
    say_json(content)


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
