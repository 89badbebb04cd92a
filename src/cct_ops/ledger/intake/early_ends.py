"""
Ends that came before anything was heard of their start: what comes later may be that start.

A sender that repeats what was not taken in, or is asked for it, reports the start last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

Key = tuple[str, str]

_READ = sa.text("""
    select e.source, e.key, e.ends_at
    from unnest(cast(:sources as text[]), cast(:keys as text[])) as wanted(source, key)
    join early_ends e on e.source = wanted.source and e.key = wanted.key
""")

_KEEP = sa.text("""
    insert into early_ends as known (source, key, ends_at)
    select * from unnest(cast(:sources as text[]), cast(:keys as text[]),
        cast(:ends as timestamptz[]))
    on conflict (source, key) do update set
        ends_at = greatest(known.ends_at, excluded.ends_at)
""")


def read(connection: sa.Connection, wanted: Collection[Key]) -> dict[Key, datetime]:
    """Return the last such end of each key."""
    ordered = sorted(wanted)
    rows = connection.execute(
        _READ, {"sources": [source for source, _ in ordered], "keys": [key for _, key in ordered]}
    )
    return {(row.source, row.key): row.ends_at for row in rows}


def keep(connection: sa.Connection, ends: Mapping[Key, datetime]) -> None:
    """Remember these ends; the caller holds the locks of their keys."""
    if not ends:
        return
    ordered = sorted(ends.items())
    connection.execute(
        _KEEP,
        {
            "sources": [source for (source, _), _ in ordered],
            "keys": [key for (_, key), _ in ordered],
            "ends": [end for _, end in ordered],
        },
    )
