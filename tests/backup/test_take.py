"""A backup holds both databases as of one moment while everything goes on, and no secret."""

from __future__ import annotations

import hashlib
import stat
import threading
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.backup import archive, check
from cct_ops.backup.take import DUMPS
from cct_ops.config.policy import AuditPolicy
from cct_ops.errors import BadConfiguration, ContractBroken, Unavailable
from cct_ops.ledger.gate import drains, switches
from cct_ops.record import witness
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.keys import keep_key, read_key
from tests.backup.conftest import Installation, silent
from tests.ledger.alerts import opened


def test_a_backup_under_load_is_whole_and_of_one_moment(
    here: Installation, engine: sa.Engine, tmp_path: Path
) -> None:
    """Rows, log and checkpoints agree in it, though alerts came in all the time."""
    keep_key(tmp_path)
    policy = AuditPolicy.model_validate({"witnesses": [{"file": "seen"}]})
    recorder = Recorder(engine, tmp_path, policy)
    over, came = threading.Event(), 0

    def load() -> None:
        nonlocal came
        while not over.is_set():
            opened(engine)
            came += 1

    loading = threading.Thread(target=load)
    loading.start()
    try:
        while came < 20:
            recorder()
        taken, manifest = here.backed_up(tmp_path / "b.zip")
        before = came
        while came < before + 5:  # intake went on and goes on
            recorder()
    finally:
        over.set()
        loading.join()
    recorder()

    places = witness.places(policy, tmp_path)
    verifier = read_key(tmp_path).verifier
    read, found = check.check(tmp_path / "b.zip", places, verifier, silent)

    assert found.findings == []
    assert found.newer_leaves > 0
    assert read == manifest
    assert 0 < manifest.ledger.tables["deliveries"] < came
    assert manifest.ledger.tables["deliveries"] == manifest.ledger.tables["alerts"]
    assert manifest.ledger.at <= manifest.prefect.at
    assert manifest.runs_unknown_to_prefect == 0
    assert taken.bytes == (tmp_path / "b.zip").stat().st_size


def test_only_its_owner_reads_it_and_no_secret_is_in_it(
    here: Installation, engine: sa.Engine, tmp_path: Path
) -> None:
    """Nor is it written over another, or left in part where it failed."""
    drains.begin(engine, "a move", "ada")
    path = tmp_path / "b.zip"
    _, manifest = here.backed_up(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert manifest.draining
    assert not {"csrf_token", "configuration"} & set(manifest.prefect.tables)
    content = path.read_bytes()
    assert here.ledger.parameters["password"].encode() not in content
    with pytest.raises(BadConfiguration, match="is there already"):
        here.backed_up(path)
    assert path.read_bytes() == content
    with pytest.raises(BadConfiguration, match="cannot be written: No such file"):
        here.backed_up(tmp_path / "nowhere" / "b.zip")
    with pytest.raises(BadConfiguration, match="no Prefect in its database"):
        Installation(here.ledger, here.ledger).backed_up(tmp_path / "c.zip")
    nobody = {**here.ledger.parameters, "port": "1"}
    with pytest.raises(Unavailable, match="cannot be reached"):
        Installation(type(here.ledger)("the ledger", nobody), here.prefect).backed_up(path)
    assert [each.name for each in tmp_path.iterdir()] == ["b.zip"]


def test_of_two_that_write_one_file_the_first_has_it(tmp_path: Path) -> None:
    """The other is refused, and its draft goes."""
    path = tmp_path / "b.zip"
    with ExitStack() as late:
        late.enter_context(pytest.raises(BadConfiguration, match="is there already"))
        late.enter_context(archive.writing(path))
        with archive.writing(path) as (file, written):
            file.writestr("first", "first")

    assert hashlib.sha256(path.read_bytes()).hexdigest() == written.sha256
    assert [each.name for each in tmp_path.iterdir()] == ["b.zip"]


def test_a_name_that_no_disk_takes_is_one_sentence(here: Installation, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="cannot be written: File name too long"):
        here.backed_up(tmp_path / ("b" * 300))


def test_each_part_is_a_dump_that_others_read(here: Installation, tmp_path: Path) -> None:
    here.backed_up(tmp_path / "b.zip")

    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert file.namelist() == [*DUMPS, archive.MANIFEST]
        assert all(file.read(name)[:5] == b"PGDMP" for name in DUMPS)


def test_what_is_damaged_is_named(here: Installation, engine: sa.Engine, tmp_path: Path) -> None:
    """Cut short, changed anywhere, or no backup at all."""
    switches.stop(engine, "something to back up", "ada")
    path = tmp_path / "b.zip"
    here.backed_up(path)
    whole = path.read_bytes()

    for wrong, words in (
        (whole[: len(whole) // 2], "only the beginning of one"),
        (b"", "only the beginning of one"),
        (b"rubbish" * 1000, "is no backup"),
    ):
        path.write_bytes(wrong)
        with pytest.raises(ContractBroken, match=words):
            check.check(path, (), None, silent)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("letter.txt", "dear")
    with pytest.raises(ContractBroken, match="it has no manifest"):
        check.check(path, (), None, silent)
    for manifest, words in (
        ('{"format": 2, "version": "9.9", "new": 1}', "the format 2.*use the release 9.9"),
        ('{"format": 1, "version": "0.1"}', "its manifest.json is damaged"),
        ("{", "its manifest.json is damaged"),
    ):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(archive.MANIFEST, manifest)
        with pytest.raises(ContractBroken, match=words):
            check.check(path, (), None, silent)
    path.write_bytes(whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:])
    _, found = check.check(path, (), None, silent)
    assert "its part ledger.dump is damaged" in found.findings[0]


def test_a_log_that_is_not_the_one_that_was_witnessed_is_named(
    here: Installation, engine: sa.Engine, tmp_path: Path
) -> None:
    """Whoever puts another ledger into a backup is found out by what lies outside."""
    keep_key(tmp_path)
    policy = AuditPolicy.model_validate({"witnesses": [{"file": "seen"}]})
    switches.stop(engine, "the first", "ada")
    Recorder(engine, tmp_path, policy)()
    with engine.begin() as tx:
        tx.execute(sa.text("update log_leaves set leaf = replace(leaf, 'ada', 'eve')"))
    here.backed_up(tmp_path / "b.zip")

    _, found = check.check(tmp_path / "b.zip", witness.places(policy, tmp_path), None, silent)

    assert any("its hash is not that of what it says" in each for each in found.findings)
