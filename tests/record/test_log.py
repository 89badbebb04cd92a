"""Whatever happens to a row that matters is a leaf, once, in the order in which it happened."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import switches
from cct_ops.ledger.intake import deliveries
from cct_ops.ledger.record import log
from cct_ops.ledger.record.log_tables import log_queue
from cct_ops.ledger.record.logged import LOGGED
from cct_ops.ledger.schema import metadata
from cct_ops.record import tree
from cct_ops.record.sequencer import sequence
from tests.ledger.history import a_run, decided


def leaves(engine: sa.Engine) -> list[dict[str, Any]]:
    """Return all leaves, as they are said."""
    with engine.connect() as connection:
        return [json.loads(each.leaf) for each in log.leaves(connection)]


def execute(engine: sa.Engine, *statements: str) -> None:
    """Let somebody change the database by hand."""
    with engine.begin() as tx:
        for statement in statements:
            tx.execute(sa.text(statement))


def test_every_logged_column_is_a_column() -> None:
    """And every moment and key is one of them."""
    for logged in LOGGED:
        named = set(logged.fixed) | set(logged.changing)
        assert named <= set(metadata.tables[logged.table].columns.keys())
        assert {*logged.moments, logged.key} <= named
        assert {
            each.name
            for each in metadata.tables[logged.table].columns
            if isinstance(each.type, sa.DateTime) and each.name in named
        } == set(logged.moments)


def test_each_change_of_a_row_is_a_leaf(engine: sa.Engine) -> None:
    """By whomever: what is written by hand is logged as well."""
    execute(
        engine,
        "insert into holds (target, reason, person, until)"
        " values ('/a', 'ours now', 'ada', now() + interval '1 hour')",
    )
    switches.release(engine, "/a", "ada")
    execute(engine, "update holds set target = '/b'", "delete from holds")

    assert sequence(engine) == 4
    assert sequence(engine) == 0
    said = leaves(engine)
    assert [each["operation"] for each in said] == ["insert", "update", "update", "delete"]
    assert {(each["kind"], each["key"]) for each in said} == {("holds", "1")}
    assert [each.get("row", {}).get("target") for each in said] == ["/a", "/a", "/b", None]
    assert [each.get("state", {}).get("released_by") for each in said] == [None, "ada", "ada", None]
    assert said[0]["row"]["until"].endswith("Z")


def test_what_was_rolled_back_is_no_leaf(engine: sa.Engine) -> None:
    decision = "insert into switches (stopped, reason, person) values (true, '-', 'ada')"
    with pytest.raises(sa.exc.DataError, match="division by zero"):
        execute(engine, decision, "select 1 / 0")

    assert sequence(engine) == 0


def test_a_copy_of_a_delivery_is_no_news(engine: sa.Engine) -> None:
    """And its body stays out of the log: the digest speaks for it."""
    deliveries.record(engine, "alertmanager", b"a secret", [])
    deliveries.record(engine, "alertmanager", b"a secret", [])

    assert sequence(engine) == 1
    (leaf,) = leaves(engine)
    assert "a secret" not in json.dumps(leaf)
    assert leaf["row"]["body_sha256"] == hashlib.sha256(b"a secret").hexdigest()


def test_late_commits_come_late_and_are_never_skipped(engine: sa.Engine) -> None:
    """An entry with a lower number may become visible after others."""
    statement = sa.text("insert into switches (stopped, reason, person) values (true, :why, '-')")
    with engine.connect() as slow:
        slow.execute(statement, {"why": "first written"})
        with engine.begin() as quick:
            quick.execute(statement, {"why": "first committed"})
        sequence(engine)
        slow.commit()
    sequence(engine)

    assert [each["row"]["reason"] for each in leaves(engine)] == [
        "first committed",
        "first written",
    ]


def test_several_controllers_make_each_leaf_once(engine: sa.Engine) -> None:
    runs = [a_run() for _ in range(40)]
    writing = threading.Event()

    def keep_sequencing() -> None:
        while not writing.is_set():
            sequence(engine)

    threads = [threading.Thread(target=keep_sequencing) for _ in range(3)]
    for thread in threads:
        thread.start()
    for run in runs:
        decided(engine, run)
    writing.set()
    for thread in threads:
        thread.join()
    sequence(engine)

    with engine.connect() as connection:
        found = list(log.leaves(connection))
        nodes = dict(log.nodes(connection))
    assert [each.position for each in found] == list(range(len(found)))
    entries = [json.loads(each.leaf)["entry"] for each in found]
    assert len(set(entries)) == len(entries) == len(runs)
    assert nodes == dict(tree.grown(0, [], [tree.leaf_hash(each.leaf.encode()) for each in found]))
    assert log.waiting(engine) == 0


def test_rows_from_before_the_log_are_in_it(released_engine: sa.Engine) -> None:
    """With what stood there when it began."""
    sequence(released_engine)

    said = leaves(released_engine)
    with released_engine.connect() as connection:
        standing = {(row.kind, row.key) for row in log.rows_now(connection)}
    assert {each["operation"] for each in said} == {"found"}
    assert {(each["kind"], each["key"]) for each in said} == standing
    younger = {"rule_versions", "acknowledgements", "board_sessions", "expiries"}
    younger |= {"drains", "backups", "restores"}
    younger |= {"assignments", "notes", "maintenance_windows", "silences"}
    younger |= {"extensions", "asked_ends", "on_call_covers"}
    younger |= {"api_tokens"}
    younger |= {"takeovers"}
    assert {each["kind"] for each in said} == {each.table for each in LOGGED} - younger


def test_a_number_too_large_for_json_stops_nothing(engine: sa.Engine) -> None:
    execute(
        engine,
        "insert into journal_entries (run_id, at, phase, entry)"
        """ values (gen_random_uuid(), now(), '-', '{"huge": 1e400, "many": 9007199254740993}')""",
    )

    sequence(engine)

    (leaf,) = leaves(engine)
    huge = leaf["row"]["entry"]["huge"]
    assert (len(huge), leaf["row"]["entry"]["many"]) == (401, "9007199254740993")


def test_the_queue_is_empty_when_all_is_sequenced(engine: sa.Engine) -> None:
    """In batches of any size."""
    many = "insert into switches (stopped, reason, person) select true, n, '-'"
    execute(engine, f"{many} from generate_series(1, 2345) n")

    assert sequence(engine) == 2345
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(log_queue)) == 0
    assert [each["row"]["reason"] for each in leaves(engine)] == [str(n) for n in range(1, 2346)]
