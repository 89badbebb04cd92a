"""
``python -m cct_ops.stack.prefect_database``: what several Prefect servers need in their database.

Its schema, and the kinds of blocks that Prefect knows. A single server makes both when it starts;
of two that start at once on a new database, one would fail. Here it is done once, before them, and
whoever does it at the same moment waits for the other.
"""

from __future__ import annotations

import asyncio
import sys

# Any constant will do; all who prepare a database must use the same one.
_LOCK = 0x0CC7_0B6
_LOOK_SECONDS = 0.5


async def prepare() -> None:
    """Bring the database at Prefect's URL up to date."""
    import sqlalchemy as sa
    from prefect.server.database import provide_database_interface
    from prefect.server.models.block_registration import run_block_auto_registration

    database = provide_database_interface()
    engine = await database.engine()
    async with engine.connect() as held:
        # Without a transaction: an index that is made beside others waits for all that are open.
        alone = await held.execution_options(isolation_level="AUTOCOMMIT")
        # Asked again and again: Prefect gives up on a statement that waits for ten seconds.
        while not await alone.scalar(sa.select(sa.func.pg_try_advisory_lock(_LOCK))):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            await database.create_db()
            async with await database.session() as session:
                await run_block_auto_registration(session=session)
        finally:
            await alone.execute(sa.select(sa.func.pg_advisory_unlock(_LOCK)))


def main() -> int:
    """Prepare it, and say in one sentence what is wrong where that cannot be done."""
    import sqlalchemy as sa

    try:
        asyncio.run(prepare())
    except (OSError, sa.exc.SQLAlchemyError) as error:
        words = " ".join(str(getattr(error, "orig", None) or error).split())
        words = words or f"no answer ({type(error).__name__})"
        print(f"prefect's database: {words}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
