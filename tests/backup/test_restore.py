"""A restore goes on with nothing by itself, and holds what the backup cannot know about."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.backup import load, since as events
from cct_ops.backup.database import Database
from cct_ops.backup.load import create, drop
from cct_ops.backup.restore import Outside, refuse_unless_free
from cct_ops.backup.since import Since
from cct_ops.clients.pacing import Unpaced
from cct_ops.clients.reader import CctReader
from cct_ops.clients.transport import CctTransport
from cct_ops.config.policy import AuditPolicy
from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.ledger.gate import drains, switches
from cct_ops.ledger.intake import inbox, outbox
from cct_ops.ledger.people import sign_ins
from cct_ops.models.guards import Guard
from cct_ops.models.role import Role
from cct_ops.record import witness
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.keys import keep_key
from cct_ops.sandbox.control import SandboxControl
from tests.backup.conftest import Installation, Reach, left_beside, stopped_by
from tests.conftest import API_KEY
from tests.ledger.alerts import opened
from tests.ledger.history import a_run, permitted, plan
from tests.plain import HTTP


def test_what_was_under_way_is_not_gone_on_with_and_its_target_is_held(
    here: Installation,
    there: Installation,
    engine: sa.Engine,
    reach: Reach,
    prefect_api_url: str,
    tmp_path: Path,
) -> None:
    """Neither a run that had its permit, nor one that was to be, nor a session of the board."""
    run = a_run()
    permitted(engine, run, plan("/daily-summary"))
    incident = opened(engine)
    flow = HTTP.post(f"{prefect_api_url}/flows/", json={"name": f"f-{uuid4().hex}"}).json()
    made = HTTP.post(
        f"{prefect_api_url}/flow_runs/",
        json={
            "flow_id": flow["id"],
            "parameters": {"target": "/market-close"},
            "state": {"type": "RUNNING"},
        },
    ).json()
    here.backed_up(tmp_path / "b.zip")

    done = there.restored(tmp_path / "b.zip")

    restored = reach()
    assert {"/daily-summary", "/market-close"} <= set(done.since.targets)
    assert done.kept == []  # it was empty
    assert drains.permits_open(restored) == 0
    for purpose in (outbox.REMEDIATE, outbox.NOTICE):
        assert outbox.claim(restored, purpose, 30) is None
    (row,) = [each for each in inbox.newest(restored, 9) if each.incident_id == incident]
    assert "whether it was done since is not known" in str(row)
    assert outbox.requeue(restored, incident) == outbox.REMEDIATE  # a person's word is enough
    with there.prefect.connected() as connection:
        (state,) = connection.execute(
            "select state_type from flow_run where id = %s", (made["id"],)
        ).fetchone() or ("none",)
    assert state == "CANCELLED"
    assert stopped_by(restored, "/daily-summary") is Guard.KILL_SWITCH
    switches.resume(restored, "I have looked", "grace")
    assert stopped_by(restored, "/daily-summary") is Guard.HOLD
    assert stopped_by(restored, "/other") is None
    assert len(switches.release(restored, "/daily-summary", "grace")) == 1
    assert stopped_by(restored, "/daily-summary") is Guard.BACKOFF  # it tried, and did not say how


def test_after_a_backup_of_a_drained_installation_everything_goes_on(
    here: Installation, there: Installation, reach: Reach, tmp_path: Path
) -> None:
    """If a witness says that nothing happened since, as when it moves to another machine."""
    here.backed_up(tmp_path / "first.zip")
    there.restored(tmp_path / "first.zip")  # in which no run is under way
    keep_key(tmp_path)
    policy = AuditPolicy.model_validate({"witnesses": [{"file": "seen"}]})
    drains.begin(reach(), "a move", "ada")
    switches.resume(reach(), "I have looked", "grace")
    Recorder(reach(), tmp_path, policy)()
    there.backed_up(tmp_path / "second.zip")
    for each in (there.ledger, there.prefect):
        drop(each)
        create(each)

    done = there.restored(tmp_path / "second.zip", Outside(witness.places(policy, tmp_path)))

    assert not done.stopped
    assert done.since.why == "Nothing was recorded since the backup."
    assert drains.standing(reach()) is not None  # until whoever moves it ends the drain


def test_a_restored_installation_lets_nobody_in_who_was_in_before(
    here: Installation, there: Installation, engine: sa.Engine, reach: Reach, tmp_path: Path
) -> None:
    """Whose session was ended since would else be in again."""
    token = sign_ins.make_link(engine, "Anna Ito", Role.ADMIN, "root")
    here.backed_up(tmp_path / "b.zip")

    there.restored(tmp_path / "b.zip")

    with reach().connect() as connection:
        open_links = connection.execute(
            sa.text("select count(*) from sign_in_links where expires_at > clock_timestamp()")
        ).scalar_one()
    assert token
    assert open_links == 0


def test_what_is_there_is_replaced_only_if_told_and_never_while_it_is_used(
    here: Installation, there: Installation, engine: sa.Engine, tmp_path: Path
) -> None:
    refuse_unless_free((there.ledger, there.prefect), over=False)
    with pytest.raises(BadConfiguration, match="is in use by"):
        refuse_unless_free((there.ledger, here.prefect), over=True)
    here.backed_up(tmp_path / "b.zip")
    there.restored(tmp_path / "b.zip")

    with pytest.raises(BadConfiguration, match=r"is not empty\. With --over"):
        refuse_unless_free((there.ledger, there.prefect), over=False)
    refuse_unless_free((there.ledger, there.prefect), over=True)


def test_who_is_just_leaving_is_in_nobodys_way(
    there: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server lists a connection for a moment after its end."""
    looked = load._connected
    with ExitStack() as part:
        part.enter_context(there.ledger.connected())

        def look(database: Database) -> list[str]:
            found = looked(database)
            part.close()
            return found

        monkeypatch.setattr(load, "_connected", look)

        refuse_unless_free((there.ledger, there.prefect), over=False)


def test_a_restore_that_fails_leaves_what_was_there(
    here: Installation, there: Installation, tmp_path: Path
) -> None:
    """And nothing half done beside it."""
    path = tmp_path / "b.zip"
    here.backed_up(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4000] + bytes([whole[4000] ^ 1]) + whole[4001:])

    with pytest.raises(ContractBroken, match="Nothing was changed"):
        there.restored(path)

    assert load.is_empty(there.ledger)
    assert left_beside(there.ledger) == 0


def leaf(kind: str, **row: object) -> dict[str, object]:
    """A leaf as it stands in an event."""
    return {"kind": kind, "key": "1", "operation": "insert", "row": row, "state": {}}


def event(position: int, said: dict[str, object]) -> str:
    """An event in a file of a stream."""
    return json.dumps({"sequence": f"{position:019}", "data": {"leaf": said}})


def test_a_stream_of_events_names_what_a_witness_only_counts(tmp_path: Path) -> None:
    """As long as none is missing in between; what is no event of ours says nothing."""
    path = tmp_path / "events"
    lines = [
        event(9, leaf("permits", target="/before", playbook="p")),
        event(10, leaf("permits", target="/after", playbook="auto-rollback")),
        "rubbish",
        event(11, leaf("switches", stopped=True, reason="r", person="eve")),
    ]
    path.write_text("\n".join(lines))
    known = Since(leaves=2)
    events.streamed(known, [path], 10)
    assert known.targets == {"/after": "auto-rollback was at it"}
    assert known.is_known
    assert known.stopped is not None

    path.write_text(f"{lines[0]}\n{lines[3]}")
    gap = Since(leaves=2)
    events.streamed(gap, [path], 10)
    assert not gap.is_known
    assert "of 2 leaves nobody outside says" in gap.why


def test_cct_itself_says_which_canaries_changed_since(sandbox: SandboxControl) -> None:
    before = datetime.now(UTC)
    sandbox.roll_back("/daily-summary", "p95_latency_ms", observed=6200, threshold=5000)
    transport = CctTransport(sandbox.base_url, SecretStr(API_KEY), Unpaced())
    known = Since()
    with transport:
        events.asked(known, CctReader(transport), before - timedelta(minutes=30))
    assert "CCT says that its canary changed at" in known.targets["/daily-summary"]
    later = Since()
    nobody = CctTransport("http://127.0.0.1:9", SecretStr(API_KEY), Unpaced())
    with nobody:
        events.asked(later, CctReader(nobody), before)
    assert "CCT does not say" in later.unread[0]
