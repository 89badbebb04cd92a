"""``cct-ops audit``: an operator verifies the ledger, and hands out what verifies itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.ledger.gate import switches
from cct_ops.record import keys
from tests.commands.conftest import Program, Typed
from tests.ledger.alerts import opened
from tests.record.recorded import Recorded, recorded
from tests.record.witnessing import running


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """A ledger with a log that is witnessed, where commands look for both."""
    monkeypatch.setenv("CCT_OPS_RECORD_PATH", str(tmp_path / "record"))
    return recorded(engine, tmp_path / "record")


def test_a_whole_record_is_said_to_be_whole(typed: Typed, ours: Recorded) -> None:
    switches.stop(ours.engine, "news", "ada")

    said = typed("audit verify")

    assert (
        "17 rows, 16 leaves, 4 checkpoints and 1 witness compared; waiting to become leaves: 1"
        in said
    )
    assert "Whole: everything is as it was written." in said


def test_what_is_wrong_is_named_and_ends_with_1(
    typed: Typed, program: Program, ours: Recorded
) -> None:
    with ours.engine.begin() as tx:
        tx.execute(sa.text("set local session_replication_role = replica"))
        tx.execute(sa.text("update switches set person = 'eve' where id = 1"))

    ended = program("audit", "verify")

    assert ended.code == 1
    assert "Wrong: switches 1: person is not what the log says" in ended.out


def test_an_export_is_verified_by_file_and_key_alone(
    typed: Typed, program: Program, ours: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = opened(ours.engine)
    ours.checkpoint()
    switches.stop(ours.engine, "news", "ada")
    about, since = tmp_path / "incident.jsonl", tmp_path / "since.jsonl"
    key = typed("audit key").strip()

    assert "1 leaves of 17 written" in typed(f"audit export {about} --incident {incident}")
    said = typed(f"audit export {since} --since 1h")
    assert "17 leaves of 17 written" in said
    assert "1 entries are newer than the last checkpoint" in said
    monkeypatch.delenv("CCT_OPS_RECORD_PATH")
    monkeypatch.delenv("CCT_OPS_DATABASE_URL")
    said = typed(f"audit verify {since} --key {key} --witness {ours.witness}")
    assert "17 leaves compared with the checkpoint over 17." in said
    assert "They are all leaves from 0 on: none can be left out unseen." in said
    assert "Whole" in typed(f"audit verify {about} --key {key}")

    lines = since.read_text().splitlines()
    said_of_one = json.loads(lines[5])
    lines[5] = json.dumps({**said_of_one, "leaf": said_of_one["leaf"].replace("over 0", "later")})
    since.write_text("\n".join(lines) + "\n")
    ended = program("audit", "verify", str(since), "--key", key)
    assert ended.code == 1
    assert "Wrong: leaf 3, insert of switches 2" in ended.out


@pytest.mark.parametrize("options", [[], ["--since", "1h", "--incident", "0000"]])
def test_an_export_is_of_one_thing(program: Program, ours: Recorded, options: list[str]) -> None:
    ended = program("audit", "export", "nowhere.jsonl", *options)

    assert (ended.code, ended.err) == (1, "cct-ops: name either --incident or --since\n")


def test_a_witness_that_cosigned_is_asked_and_its_key_verifies_an_export(
    typed: Typed,
    program: Program,
    engine: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, policy, file = tmp_path / "record", tmp_path / "policy.yaml", tmp_path / "all.jsonl"
    monkeypatch.setenv("CCT_OPS_RECORD_PATH", str(folder))
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(policy))
    keys.keep_key(folder)
    with running(tmp_path / "state", [str(keys.read_key(folder).verifier)]) as witness:
        recorded(engine, folder, witness.policy)
        named = f"[{{http: '{witness.url}', key: '{witness.key}'}}]"
        policy.write_text(f"playbooks: {{}}\naudit: {{witnesses: {named}}}\n")
        assert "4 checkpoints and 1 witness compared" in typed("audit verify")
    ended = program("audit", "verify")
    assert ended.code == 1
    assert "not compared with what a witness has cosigned" in ended.out

    typed(f"audit export {file} --since 1h")
    said = typed(f"audit verify {file} --witness-key {witness.key}")
    assert "Cosigned by witness.example on 20" in said
    assert "Compared with no witness" not in said
    assert (
        "--certificates are for an export" in program("audit", "verify", "--witness-key", "k").err
    )


def test_an_export_is_columns_too_and_a_place_that_cannot_be_is_named(
    typed: Typed, program: Program, ours: Recorded, tmp_path: Path
) -> None:
    file, columns = tmp_path / "all.jsonl", tmp_path / "all.parquet"

    said = typed(f"audit export {file} --since 1h --parquet {columns}")

    assert f"The same leaves are in {columns}" in " ".join(said.split())
    assert columns.read_bytes()[:4] == b"PAR1"
    for options in ([str(tmp_path / "no" / "a")], [str(file), "--parquet", str(tmp_path / "no/b")]):
        ended = program("audit", "export", *options, "--since", "1h")
        assert (ended.code, "cannot be written: No such file" in ended.err) == (1, True)


def test_a_key_for_several_controllers_is_made_once(
    typed: Typed, program: Program, tmp_path: Path
) -> None:
    """A log goes on with its key, so none is written over."""
    folder = tmp_path / "new"

    said = typed(f"audit new-key {folder}")
    again = program("audit", "new-key", str(folder))

    assert f"{folder / keys.KEY} signs the log {keys.read_key(folder).name}" in said
    assert (folder / keys.KEY).stat().st_mode & 0o777 == 0o600
    assert again.code == 1
    assert "is there already, and a log goes on with its key" in again.err
