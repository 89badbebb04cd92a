"""
Each migration only adds: the release before it works on, while both run side by side.

A column that went, a value that became wanted, a check that became narrower would break statements
of the older code. What does so all the same stands in ``STOPS`` with what a person does about it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from cct_ops.ledger.engine import connect, migrate
from cct_ops.stack.postgres import EmbeddedPostgres
from tests.conftest import new_ledger
from tests.ledger.released import psycopg_url

# Migrations of before the first installation that was upgraded without a stop.
FIRST = "0012"
# By revision: why it needs all parts stopped, and hence a drain.
STOPS: dict[str, str] = {}

COLUMNS = """
    select r.relname || '.' || a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        d.adbin is not null or a.attidentity <> '' or a.attgenerated <> ''
    from pg_class r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not attisdropped
    left join pg_attrdef d on d.adrelid = r.oid and d.adnum = a.attnum
    where r.relnamespace = 'public'::regnamespace and r.relkind = 'r'
"""
RULES = """
    select conrelid::regclass::text, conname::text, pg_get_constraintdef(oid)
    from pg_constraint where connamespace = 'public'::regnamespace and contype in ('c', 'u', 'f')
    union all select t.relname::text, i.relname::text, pg_get_indexdef(x.indexrelid)
    from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
    where x.indisunique and t.relnamespace = 'public'::regnamespace
"""
FUNCTIONS = """
    select proname || '(' || pg_get_function_identity_arguments(oid) || ')' from pg_proc
    where pronamespace = 'public'::regnamespace
"""


class Schema:
    """What statements of a release can meet."""

    def __init__(self, url: SecretStr) -> None:
        with psycopg.connect(psycopg_url(url.get_secret_value())) as connection:
            self.columns = {row[0]: row[1:] for row in connection.execute(COLUMNS)}
            self.rules = {row[:2]: row[2] for row in connection.execute(RULES)}
            self.functions = {row[0] for row in connection.execute(FUNCTIONS)}
        self.tables = {name.partition(".")[0] for name in self.columns}


def broken(before: Schema, after: Schema) -> Iterator[str]:
    """Yield what code that knows ``before`` can no longer do on ``after``."""
    yield from columns_broken(before, after)
    yield from rules_broken(before, after)
    for name in before.functions - after.functions:
        yield f"the function {name} is gone"


def columns_broken(before: Schema, after: Schema) -> Iterator[str]:
    """Yield the columns that older statements cannot read or write any more."""
    for name, (kind, wanted, _) in before.columns.items():
        if name not in after.columns:
            yield f"{name} is gone"
        elif after.columns[name][0] != kind:
            yield f"{name} is another type"
        elif after.columns[name][1] and not wanted:
            yield f"{name} became not null"
    for name in after.columns.keys() - before.columns.keys():
        _, wanted, filled = after.columns[name]
        if name.partition(".")[0] in before.tables and wanted and not filled:
            yield f"{name} is wanted of each new row"


def rules_broken(before: Schema, after: Schema) -> Iterator[str]:
    """Yield the checks and unique indexes that let less through of what older code writes."""
    for (table, rule), definition in after.rules.items():
        if table not in before.tables:
            continue
        known = before.rules.get((table, rule))
        if known is None and not only_of_new_columns(table, definition, before):
            yield f"{table} has a new rule, {rule}"
        elif known is not None and not words(known) <= words(definition):
            yield f"{rule} of {table} lets less through"


def only_of_new_columns(table: str, definition: str, before: Schema) -> bool:
    """Say whether a rule speaks of no column that the older code writes."""
    return not any(
        re.search(rf"\b{re.escape(name.partition('.')[2])}\b", definition)
        for name in before.columns
        if name.startswith(f"{table}.")
    )


def words(definition: str) -> set[str]:
    """Return the values that a check names: a longer list lets more through."""
    return set(re.findall(r"'([^']*)'", definition)) or {definition}


def steps() -> list[str]:
    """Return the revisions, the oldest first."""
    where = ScriptDirectory("src/cct_ops/ledger/migrations")
    return [each.revision for each in reversed(list(where.walk_revisions()))]


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> Iterator[SecretStr]:
    """A database with nothing in it."""
    with new_ledger(postgres, template="template1") as made:
        yield made


def test_each_migration_only_adds_or_says_that_parts_have_to_stop(url: SecretStr) -> None:
    found = {}
    before: Schema | None = None
    for revision in steps():
        upgrade(url, revision)
        after = Schema(url)
        if before is not None and revision > FIRST:
            wrong = list(broken(before, after))
            if wrong:
                found[revision] = wrong
        before = after

    assert found.keys() == STOPS.keys(), found


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("alter table holds drop column reason", "holds.reason is gone"),
        ("alter table holds rename column reason to why", "holds.reason is gone"),
        ("alter table holds alter released_by set not null", "holds.released_by became not null"),
        ("alter table holds alter person type varchar(20)", "holds.person is another type"),
        ("alter table holds add team text not null", "holds.team is wanted of each new row"),
        ("alter table holds add check (person <> '')", "holds has a new rule, holds_person_check"),
        ("create unique index one on holds (target)", "holds has a new rule, one"),
        (
            """alter table incidents drop constraint ck_incidents_state,
                add constraint ck_incidents_state check (state in ('open'))""",
            "ck_incidents_state of incidents lets less through",
        ),
        ("drop function in_utc(timestamptz) cascade", "the function in_utc(at timestamp"),
        ("alter table holds add team text not null default 'us'", None),
        ("alter table holds add team text check (team <> '')", None),
        ("create table teams (name text not null)", None),
    ],
)
def test_what_would_break_the_release_before_is_seen(
    url: SecretStr, statement: str, finding: str | None
) -> None:
    migrate(url)
    before = Schema(url)
    with connect(url).begin() as tx:
        tx.execute(sa.text(statement))

    found = list(broken(before, Schema(url)))

    assert found[:1] == [] if finding is None else any(finding in each for each in found)


def upgrade(url: SecretStr, revision: str) -> None:
    """Bring the ledger up to one migration."""
    config = Config()
    config.set_main_option("script_location", "src/cct_ops/ledger/migrations")
    with connect(url).connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
