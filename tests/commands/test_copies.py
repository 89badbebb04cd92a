"""What people can see of what came again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from cct_ops.ledger.intake.tables import deliveries
from tests.commands.conftest import Typed
from tests.gateway.delivering import fields, later, take

NOW = datetime.now(UTC)
BARE = {"state": "open", "id": 1, "name": "X"}


def test_a_copy_shows_how_often_and_when_it_came_last(engine: sa.Engine, typed: Typed) -> None:
    """Of what changed nothing this is all that there is to see."""
    take(engine, "json", BARE | {"at": 0})
    with engine.begin() as connection:
        connection.execute(sa.update(deliveries).values(received_at=NOW - timedelta(hours=2)))
    take(engine, "json", BARE | {"at": 0})
    with engine.connect() as connection:
        last = connection.scalars(sa.select(deliveries.c.last_received_at)).one()

    assert f"(2 copies, the last {last:%Y-%m-%d %H:%M:%S})" in typed("why X")


def test_the_same_body_that_came_again_as_news_has_both_times(
    engine: sa.Engine, typed: Typed
) -> None:
    """Each line of the story stands at its own time, oldest first."""
    bare = fields(starts_at=None)
    for state in ("open", "closed", "open"):
        take(engine, "json", BARE | {"state": state}, bare)
        later(engine, 120)

    said = typed("why X")
    assert "it first came here" in said
    assert "says the alert" not in said  # which said no time
    lines = [line for line in said.splitlines() if " json " in line][:3]
    assert [("closed its incident" in line) for line in lines] == [False, True, False]
    assert lines[0] < lines[1] < lines[2]


def test_why_says_that_an_episode_was_superseded(engine: sa.Engine, typed: Typed) -> None:
    """And that nobody reported its end."""
    source = fields(starts_at_is="episode")
    take(engine, "json", BARE | {"at": (NOW - timedelta(hours=3)).isoformat()}, source)
    later(engine, 3600)
    take(engine, "json", BARE | {"at": (NOW - timedelta(minutes=1)).isoformat()}, source)

    said = typed("why X")
    assert "closed as superseded: its sender reported a later episode, and never its end" in said
    assert "it began, says the alert" in said
