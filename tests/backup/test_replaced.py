"""What the ledger that is replaced knows of the time since the backup, and when it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from psycopg import sql

from cct_ops.backup.load import create, drop
from cct_ops.backup.restore import Outside
from cct_ops.config.policy import AuditPolicy
from cct_ops.ledger.engine import connect, migrate
from cct_ops.ledger.gate import drains, permits, switches
from cct_ops.ledger.record import backups
from cct_ops.models.guards import UNTIL_RELEASED, Guard
from cct_ops.record import witness
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.keys import keep_key
from tests.backup.conftest import Installation, Reach, stopped_by
from tests.ledger.history import a_run, permitted, plan

POLICY = AuditPolicy.model_validate({"witnesses": [{"file": "seen"}]})


@pytest.fixture
def living(here: Installation, there: Installation, reach: Reach, tmp_path: Path) -> Path:
    """Let an installation take a backup, and go on; returns the backup."""
    here.backed_up(tmp_path / "first.zip")
    there.restored(tmp_path / "first.zip")
    switches.resume(reach(), "I have looked", "grace")
    keep_key(tmp_path)
    Recorder(reach(), tmp_path, POLICY)()
    taken, _ = there.backed_up(tmp_path / "b.zip")
    backups.record(reach(), taken)
    return tmp_path / "b.zip"


def changed(reach: Reach, target: str) -> None:
    """Have a run change it."""
    later = reach()
    permit = permitted(later, a_run(), plan(target))
    permits.close(later, permit)


def anew(there: Installation) -> None:
    """Lose all of it, and have an empty ledger there, as a first start makes it."""
    for each in (there.ledger, there.prefect):
        drop(each)
        create(each)
    migrate(there.ledger.url)
    connect(there.ledger.url).dispose()


def test_one_that_was_there_all_the_time_names_what_happened(
    living: Path, there: Installation, reach: Reach
) -> None:
    """And nothing else is held; a stop that was pulled since stays so."""
    changed(reach, "/changed-since")
    switches.hold(reach(), "/held-since", datetime.now(UTC) + timedelta(hours=2), "mine", "eve")

    taken = backups.newest(reach())
    done = there.restored(living)

    assert backups.newest(reach()) == taken  # which the backup itself does not know
    assert set(done.since.changed) == {"/changed-since", "/held-since"}
    assert not done.stopped
    assert done.since.why == "What happened since the backup is known by name."
    assert [name.split("_before_")[0] for name in done.kept] == [
        there.ledger.name,
        there.prefect.name,
    ]
    assert stopped_by(reach(), "/changed-since") is Guard.HOLD
    assert stopped_by(reach(), "/never-touched") is None

    again = there.restored(living)
    assert set(again.since.changed) == {"/changed-since", "/held-since"}
    assert not again.stopped

    switches.stop(reach(), "not sure of anything", "eve")
    last = there.restored(living)
    assert last.stopped
    assert last.since.stopped is not None
    assert last.since.stopped["reason"] == "not sure of anything"

    switches.resume(reach(), "I am sure", "eve")  # nothing was unknown when it was kept pulled
    assert not there.restored(living).stopped


def test_a_new_one_knows_nothing_of_it(
    living: Path, there: Installation, reach: Reach, tmp_path: Path
) -> None:
    """With and without a witness, which counts what followed and cannot name it."""
    changed(reach, "/changed-since")
    Recorder(reach(), tmp_path, POLICY)()
    anew(there)

    alone = there.restored(living)
    assert alone.stopped
    assert "does not know this backup" in alone.since.why

    anew(there)
    done = there.restored(living, Outside(witness.places(POLICY, tmp_path)))
    assert done.stopped
    assert "of the log followed on the backup, and of" in done.since.why
    assert stopped_by(reach(), "/changed-since") is Guard.KILL_SWITCH


def test_one_that_was_put_back_itself_knows_only_what_came_after(
    living: Path, there: Installation, reach: Reach, tmp_path: Path
) -> None:
    """Whether that was from this backup, or from another one."""
    changed(reach, "/changed-since")
    anew(there)
    assert there.restored(living).stopped
    switches.resume(reach(), "I have looked", "grace")

    again = there.restored(living)
    assert again.stopped
    assert "was put back itself" in again.since.why

    there.restored(tmp_path / "first.zip")
    changed(reach, "/changed-after-the-older")
    other = there.restored(living)
    assert other.stopped
    assert "does not know this backup" in other.since.why
    assert "/changed-after-the-older" in other.since.changed


def test_one_that_is_older_than_what_a_witness_has_seen_is_not_believed(
    living: Path, there: Installation, reach: Reach, tmp_path: Path
) -> None:
    """A copy of the server's disk knows the backup, and not what came after the copy."""
    copy = there.ledger.named(f"{there.ledger.name}_copy")
    name, copied = (sql.Identifier(each.name) for each in (there.ledger, copy))
    with there.ledger.named("postgres").connected() as server:
        server.execute(sql.SQL("create database {} template {}").format(copied, name))
        changed(reach, "/changed-since")
        Recorder(reach(), tmp_path, POLICY)()
        drop(there.ledger)
        server.execute(sql.SQL("alter database {} rename to {}").format(copied, name))

    done = there.restored(living, Outside(witness.places(POLICY, tmp_path)))

    assert done.stopped
    assert "not the one that the witnesses have seen" in done.since.why


def test_one_that_breaks_while_it_is_read_is_not_believed(
    living: Path, there: Installation, reach: Reach, tmp_path: Path
) -> None:
    """Nor does a backup of a drained installation go on then."""
    drained(there, reach, tmp_path)
    with there.ledger.connected() as connection:
        connection.execute("drop table holds cascade")

    done = there.restored(tmp_path / "drained.zip", Outside(witness.places(POLICY, tmp_path)))

    assert done.stopped
    assert "the ledger that is replaced (UndefinedTable)" in done.since.why


def drained(there: Installation, reach: Reach, tmp_path: Path) -> None:
    """Drain it and back it up, as the command does: while its controller goes on."""
    drains.begin(reach(), "a move", "ada")
    Recorder(reach(), tmp_path, POLICY)()
    taken, _ = there.backed_up(tmp_path / "drained.zip")
    backups.record(reach(), taken)
    Recorder(reach(), tmp_path, POLICY)()


@pytest.mark.usefixtures("living")
def test_a_move_of_a_drained_installation_goes_on_over_a_first_start(
    there: Installation, reach: Reach, tmp_path: Path
) -> None:
    """If a witness says that nothing followed, the empty ledger of a first start says nothing."""
    drained(there, reach, tmp_path)
    anew(there)
    outside = Outside(witness.places(POLICY, tmp_path))

    done = there.restored(tmp_path / "drained.zip", outside)

    assert not done.stopped
    assert done.since.why.startswith("Only that there is this backup was recorded since.")


@pytest.mark.usefixtures("living")
def test_a_kill_switch_that_was_pulled_after_a_move_began_is_no_leaf_to_go_past(
    there: Installation, reach: Reach, tmp_path: Path
) -> None:
    drained(there, reach, tmp_path)
    switches.stop(reach(), "wait", "eve")
    Recorder(reach(), tmp_path, POLICY)()
    anew(there)

    assert there.restored(
        tmp_path / "drained.zip", Outside(witness.places(POLICY, tmp_path))
    ).stopped


@pytest.mark.usefixtures("living")
@pytest.mark.parametrize("how", ["missing", "shorter", "of another log"])
def test_a_witness_that_is_not_that_of_the_log_says_nothing(
    there: Installation, reach: Reach, tmp_path: Path, how: str
) -> None:
    """As one that a first start on a new machine has made."""
    seen = tmp_path / "seen"
    before = seen.read_bytes()
    drained(there, reach, tmp_path)
    anew(there)
    if how == "missing":
        seen.unlink()
    elif how == "shorter":
        seen.write_bytes(before)
    else:
        other = tmp_path / "other"
        other.mkdir()
        keep_key(other)
        for number in range(40):
            switches.hold(reach(), f"/{number}", UNTIL_RELEASED, "mine", "eve")
        Recorder(reach(), other, POLICY)()
        seen.write_bytes((other / "seen").read_bytes())

    done = there.restored(tmp_path / "drained.zip", Outside(witness.places(POLICY, tmp_path)))

    assert done.stopped
    said = {
        "missing": "is not there",
        "shorter": "has seen less than there is in the backup",
        "of another log": "is a witness of another log",
    }
    assert said[how] in done.since.why
