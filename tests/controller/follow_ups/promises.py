"""Follow-ups as people made them, and a policy about them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa

from cct_ops.ledger.record import follow_ups as rows
from cct_ops.ledger.record.tables import follow_ups as table


def says(policy: Path, **words: str) -> None:
    """Let the policy say this of follow-ups."""
    lines = "".join(f"  {name}: {value!r}\n" for name, value in words.items())
    policy.write_text(f"playbooks: {{}}\nfollow_ups:\n{lines}".replace("'true'", "true"))


def promised(engine: sa.Engine, text: str = "Do it.", *, days: int = 0, owner: str = "bo") -> UUID:
    """Let somebody have promised something for so many days from today."""
    day = rows.today(engine)
    made, _ = rows.add(engine, uuid4(), text, owner=owner, due=day, by="ada")
    with engine.begin() as tx:
        due = sa.update(table).where(table.c.id == made.id).values(due=day + timedelta(days=days))
        tx.execute(due)
    return made.id
