"""The end of a temporary change: moved by people, asked for by people, and due by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import sqlalchemy as sa

from cct_ops.errors import NotPermitted
from cct_ops.ledger.gate import change_ends, changes
from cct_ops.ledger.gate.change_ends import Longer
from cct_ops.ledger.gate.tables import temporary_changes
from cct_ops.models.change import ChangeState, TemporaryChange
from cct_ops.record import account
from tests.board.conftest import weakened
from tests.ledger.leaves import leaves

LONGEST = 240.0


def longer(minutes: float = 90) -> Longer:
    """Wish for so many minutes from now."""
    return change_ends.new_wish(minutes, "Not out yet", "Anna Ito")


def extend(engine: sa.Engine, change: TemporaryChange, wanted: Longer) -> TemporaryChange:
    """Extend it, in a transaction of its own."""
    with engine.begin() as tx:
        return change_ends.extend(tx, change.id, wanted, longest_minutes=LONGEST)


def test_an_extension_is_on_record_with_reason_and_name_and_once(engine: sa.Engine) -> None:
    change, wanted = weakened(engine), longer()

    extended = extend(engine, change, wanted)
    again = extend(engine, change, wanted)

    assert change.until < extended.until == again.until
    told = account.read(engine, change.run_id)
    assert told is not None
    (entry,) = [each for each in told.entries if "was extended until" in each.text]
    assert (entry.actor.name, entry.text.endswith(": Not out yet")) == ("Anna Ito", True)
    (leaf,) = leaves(engine, "extensions")
    assert leaf.row["reason"] == "Not out yet"


@pytest.mark.parametrize("minutes", [1, 241])
def test_an_extension_that_does_not_fit_changes_nothing(engine: sa.Engine, minutes: int) -> None:
    change = weakened(engine)

    with pytest.raises(NotPermitted, match=r"It lasts until|in all"):
        extend(engine, change, longer(minutes))
    with pytest.raises(NotPermitted, match=r"It lasts until|in all"):
        change_ends.check(engine, change.id, minutes, longest_minutes=LONGEST)

    assert changes.read(engine, change.id).until == change.until


def test_what_is_to_end_now_is_not_extended(engine: sa.Engine) -> None:
    change = weakened(engine)
    change_ends.record_asked(engine, change.id, uuid4(), "Ben Okafor")

    with pytest.raises(NotPermitted, match="Ben Okafor wants it to end now"):
        extend(engine, change, longer())


def test_of_an_extension_and_the_end_exactly_one_wins(engine: sa.Engine) -> None:
    """The change's time is over while somebody extends it: both at the same moment, many times."""
    change = weakened(engine)
    won = {"end": 0, "extension": 0}

    def lengthen() -> bool:
        try:
            extend(engine, change, longer())
        except NotPermitted:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        for _ in range(30):
            with engine.begin() as tx:
                over = datetime.now(UTC) - timedelta(seconds=1)
                tx.execute(
                    sa.update(temporary_changes).values(state=ChangeState.ACTIVE, until=over)
                )
            ending = threads.submit(changes.claim_revert, engine, change.id, early=False)
            extended = threads.submit(lengthen).result()

            assert ending.result() is not extended
            left = changes.read(engine, change.id)
            assert left.state is (ChangeState.ACTIVE if extended else ChangeState.REVERTING)
            won["extension" if extended else "end"] += 1

    assert sum(won.values()) == 30
