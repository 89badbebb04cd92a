"""The migrations lead to exactly the tables that the code works with, and lose nothing."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr

from cct_ops.errors import BadConfiguration
from cct_ops.ledger import set_aside
from cct_ops.ledger.engine import connect, migrate, revisions
from cct_ops.ledger.gate import (
    approvals,
    changes,
    declared_tables,
    leases,
    owed_tables,
    refused_keys,
    switches,
    tables as gate_tables,
)
from cct_ops.ledger.intake import inbox, tables as intake_tables
from cct_ops.ledger.people import pages, pauses, slack_threads, tables as people_tables
from cct_ops.ledger.record import (
    account as runs,
    journal,
    log_tables,
    stream_tables,
    tables as record_tables,
)
from cct_ops.ledger.schema import metadata
from cct_ops.models.account import EntryKind
from cct_ops.models.plan import PermitKind
from cct_ops.models.run import Outcome
from cct_ops.record import account
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import new_ledger
from tests.ledger import released

ALL = (
    gate_tables,
    declared_tables,
    owed_tables,
    intake_tables,
    people_tables,
    record_tables,
    log_tables,
    stream_tables,
)

# Alembic compares neither checks, nor the condition of an index, nor most defaults.
EVERYTHING = """
    select format('%s.%s %s, null: %s, default: %s, identity: %s', r.relname, a.attname,
        format_type(a.atttypid, a.atttypmod), not a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
        a.attidentity)
    from pg_class r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not attisdropped
    left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relnamespace = 'public'::regnamespace and r.relkind = 'r'
    union all select format('%s: %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    from pg_constraint where connamespace = 'public'::regnamespace
    union all select indexdef from pg_indexes where schemaname = 'public'
    union all select format('%s %s %s', sequencename, data_type, increment_by) from pg_sequences
    union all select format('%s %s', tgrelid::regclass, pg_get_triggerdef(oid)) from pg_trigger
    where not tgisinternal
    union all select pg_get_functiondef(oid) from pg_proc
    where pronamespace = 'public'::regnamespace
"""


@pytest.fixture
def empty_url(postgres: EmbeddedPostgres) -> Iterator[SecretStr]:
    """A database of this test's own with nothing in it."""
    with new_ledger(postgres, template="template1") as url:
        yield url


def described(url: SecretStr) -> set[str]:
    """Return all that a database knows of its schema, but the table that Alembic makes."""
    with psycopg.connect(released.psycopg_url(url.get_secret_value())) as connection:
        found = {line for (line,) in connection.execute(EVERYTHING)}
    return {line for line in found if "alembic_version" not in line}


def counted(engine: sa.Engine) -> dict[str, int]:
    """Return how many rows every table has."""
    with engine.connect() as connection:
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in metadata.tables.items()
            if sa.inspect(engine).has_table(name)
        }


def test_the_migrated_ledger_is_the_one_in_the_code(
    engine: sa.Engine, ledger_url: SecretStr, empty_url: SecretStr
) -> None:
    """In every column, default, check and index."""
    assert all(module.sa.MetaData is type(metadata) for module in ALL)

    metadata.create_all(connect(empty_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []
    assert described(ledger_url) == described(empty_url)


def test_an_upgrade_keeps_what_the_last_release_wrote(empty_url: SecretStr) -> None:
    """And the ledger still understands it."""
    released.load(empty_url.get_secret_value())
    engine = connect(empty_url)
    before = counted(engine)

    migrate(empty_url)

    with engine.connect() as connection:
        assert len(set(revisions(connection))) == 1
    assert not before.keys() & set(released.empty_tables(empty_url.get_secret_value()))
    assert {name: rows for name, rows in counted(engine).items() if name in before} == before
    (arrived,) = inbox.newest(engine, 10)
    assert arrived.incident_id is not None
    assert arrived.flow_run_id is not None
    story = account.read(engine, arrived.incident_id)
    assert story is not None
    (run,) = story.runs
    known = runs.of_run(engine, run.id)
    (change,) = changes.listed(engine)
    (approval_id,) = slack_threads.answered(engine)
    approval = approvals.find(engine, approval_id)
    assert approval is not None
    asked = approvals.of_run(engine, run.id)
    assert [each.approver for each in asked] == [approval.approver]
    assert approval.plan == known.decisions[0].plan
    assert [each.state for each in known.actions] == ["confirmed"]
    assert known.outcome is run.outcome is Outcome.RESOLVED
    assert [each.alertname for each in inbox.about(engine, "CanaryRolledBack")] == [
        "CanaryRolledBack"
    ]
    assert change.run_id == run.id
    assert [each.kind for each in known.actions] == [PermitKind.CHANGE]
    assert leases.seconds_over(engine, run.id) is not None
    assert [entry.note for entry in journal.read(engine, run.id)] == ["All routes answer."]
    assert slack_threads.shown(engine, arrived.incident_id) is not None
    paged = [each for each in story.entries if each.kind is EntryKind.PAGE]
    public = [each for each in story.entries if each.kind is EntryKind.STATUS_PAGE]
    assert [each.row for each in paged[:1]] == [f"pages {pages.newest(engine, 10)[0].page.id}"]
    assert len(pages.newest(engine, 10)) == len(public) == 1
    assert len(set_aside.listed(engine)) == len(switches.held(engine)) == 1
    assert pauses.notified(engine) == ["work pool cct-ops"]
    assert refused_keys.remembered(engine) == 1


def test_the_release_after_it_can_write_what_it_leaves(empty_url: SecretStr) -> None:
    """What comes out of a database makes the same one again."""
    url = empty_url.get_secret_value()
    released.load(url)

    assert released.dump(url) == released.RELEASED.read_text()


def test_a_schema_of_another_release_is_one_sentence(empty_url: SecretStr) -> None:
    """Nothing of it is touched."""
    migrate(empty_url)
    with connect(empty_url).begin() as tx:
        tx.execute(sa.text("update alembic_version set version_num = '9999'"))

    with pytest.raises(BadConfiguration, match=r"none that this release knows.*'9999'.*empty"):
        migrate(empty_url)
