"""An authority says when a checkpoint was there at the latest, and everybody can verify that."""

from __future__ import annotations

import base64
import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.config.policy import AuditPolicy, TimeStamps
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.ledger.gate import switches
from cct_ops.ledger.record import log, log_signatures
from cct_ops.ledger.record.log_signatures import TimeStamp
from cct_ops.record import audit, keys, offline
from cct_ops.record.checkpoints import Recorder
from cct_ops.record.offline import Outside
from cct_ops.record.time_stamps import Authority, Roots
from cct_ops.stack.postgres import free_port
from tests.conftest import ROOT
from tests.record.recorded import Recorded, exported, recorded
from tests.record.stamping import Stamping, answering, certified, needs_openssl, openssl

pytestmark = needs_openssl

problems: Callable[..., list[str]] = runpy.run_path(str(ROOT / "docs/audit/verify.py"))["problems"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Stamping:
    """The certificates of an authority."""
    return certified(tmp_path_factory.mktemp("tsa") / "ours")


@pytest.fixture
def tsa(made: Stamping) -> Iterator[Stamping]:
    """An authority that answers."""
    with answering(Stamping(made.folder)) as found:
        yield found


@pytest.fixture
def ours(engine: sa.Engine, tmp_path: Path, tsa: Stamping) -> Recorded:
    """A history of four checkpoints, the first of them stamped."""
    return recorded(engine, tmp_path / "record", tsa.policy())


def found(ours: Recorded, roots: Path) -> list[str]:
    """Verify the ledger, with its time stamps."""
    return audit.verify(ours.engine, ours.signer.verifier, [], [], Roots.read(roots)).findings


def test_a_checkpoint_is_stamped_once_in_so_many_minutes(ours: Recorded, tsa: Stamping) -> None:
    stamps = log_signatures.time_stamps(ours.engine)

    assert ([stamp.size for stamp in stamps], tsa.asked) == ([4], 1)
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update log_time_stamps set at = at - interval '59 minutes'"))
    ours.checkpoint()
    assert tsa.asked == 1
    more_often = replace(ours, audit=tsa.policy(every_minutes=58))
    more_often.checkpoint()
    more_often.checkpoint()
    assert [stamp.size for stamp in log_signatures.time_stamps(ours.engine)] == [16, 4]
    assert tsa.asked == 2
    assert found(ours, tsa.root) == []


def test_a_time_stamp_leaves_with_an_export(ours: Recorded, tsa: Stamping, tmp_path: Path) -> None:
    """With the proof that what is exported goes on from what was stamped; OpenSSL takes it, too."""
    file, key = tmp_path / "all.jsonl", ours.signer.verifier
    raw = exported(ours, file)
    began = log.moment(ours.engine)

    whole = offline.verify(file, key, Outside(roots=Roots.read(tsa.root)))

    assert whole.findings == []
    assert whole.stamp is not None
    assert whole.stamp.at is not None
    assert (whole.stamp.size, whole.stamp.at.isoformat() <= began) == (4, True)
    assert problems(raw, str(key)) == []
    said = json.loads(raw.splitlines()[1])["time_stamp"]
    (tmp_path / "stamp.txt").write_text(said["checkpoint"].partition("\n\n")[0] + "\n")
    (tmp_path / "stamp.tsr").write_bytes(base64.b64decode(said["response"]))
    words = ("ts", "-verify", "-in", tmp_path / "stamp.tsr", "-data", tmp_path / "stamp.txt")
    assert "Verification: OK" in openssl(*words, "-CAfile", tsa.root)


def test_a_time_stamp_of_somebody_else_is_none(
    ours: Recorded, tsa: Stamping, tmp_path: Path
) -> None:
    """Whoever has the log's key cannot make one up."""
    eve = certified(tmp_path / "eve")
    stamped = log.checkpoints(ours.engine)[0]
    with answering(eve):
        forged = TimeStamp(4, Authority(eve.url, Roots.read(eve.root)).stamp(stamped))
    with ours.engine.begin() as tx:
        tx.execute(sa.text("delete from log_time_stamps"))
    log_signatures.record_time_stamp(ours.engine, forged)
    exported(ours, tmp_path / "all.jsonl")

    refused = "its signature does not lead to the certificates that are named"
    assert found(ours, tsa.root) == [f"the time stamp on the checkpoint over 4 leaves: {refused}"]
    outside = Outside(roots=Roots.read(tsa.root))
    key = ours.signer.verifier
    assert offline.verify(tmp_path / "all.jsonl", key, outside).findings == [
        f"the time stamp: {refused}"
    ]


def test_a_time_stamp_on_something_else_is_found_by_both(
    ours: Recorded, tsa: Stamping, tmp_path: Path
) -> None:
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update log_time_stamps set size = 8"))
    key = ours.signer.verifier
    raw = exported(ours, tmp_path / "all.jsonl")

    assert "it is not a time stamp on this checkpoint" in found(ours, tsa.root)[0]
    (ours_says,) = offline.verify(tmp_path / "all.jsonl", key).findings
    assert "it is not a time stamp on this checkpoint" in ours_says
    assert problems(raw, str(key)) == ["the time stamp is not on a checkpoint of this log"]
    with ours.engine.begin() as tx:
        tx.execute(sa.text("update log_time_stamps set size = 7"))
    assert "over 7 leaves, which is gone" in found(ours, tsa.root)[0]


def test_an_export_without_the_time_stamp_that_is_asked_for_is_not_whole(
    engine: sa.Engine, tsa: Stamping, tmp_path: Path
) -> None:
    ours = recorded(engine, tmp_path / "record", AuditPolicy())
    exported(ours, tmp_path / "all.jsonl")

    outside = Outside(roots=Roots.read(tsa.root))
    wrong = offline.verify(tmp_path / "all.jsonl", ours.signer.verifier, outside).findings
    assert wrong == ["there is no time stamp"]


def test_an_authority_that_is_away_holds_up_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    keys.keep_key(tmp_path)
    made = certified(tmp_path / "tsa")
    made.url = f"http://127.0.0.1:{free_port()}"
    switches.stop(engine, "news", "ada")

    with pytest.raises(Unavailable, match="does not answer, so there is no time stamp"):
        Recorder(engine, tmp_path, made.policy())()
    assert len(log.checkpoints(engine)) == 1
    with answering(made):
        Recorder(engine, tmp_path, made.policy())()
    assert len(log_signatures.time_stamps(engine)) == 1


@pytest.mark.parametrize(
    ("answers", "status", "says"),
    [
        (b"garbage", 200, "it is no time stamp"),
        (b"", 404, "answered 404"),
        (b"", 503, "answered 503, and no time stamp"),
    ],
)
def test_an_answer_that_is_no_time_stamp_is_not_stored(
    engine: sa.Engine, tsa: Stamping, tmp_path: Path, answers: bytes, status: int, says: str
) -> None:
    tsa.answers, tsa.status = answers, status

    with pytest.raises((BadConfiguration, Unavailable), match=says):
        recorded(engine, tmp_path, tsa.policy(), rounds=1)
    assert log_signatures.time_stamps(engine) == []


def test_an_answer_to_another_question_is_not_stored(
    engine: sa.Engine, tsa: Stamping, tmp_path: Path
) -> None:
    """Not even a right one that was given before."""
    ours = recorded(engine, tmp_path, tsa.policy(), rounds=1)
    (stamp,) = log_signatures.time_stamps(engine)
    with engine.begin() as tx:
        tx.execute(sa.text("delete from log_time_stamps"))
    tsa.answers = stamp.response

    with pytest.raises(BadConfiguration, match="it answers another question"):
        ours.checkpoint()


def test_one_that_refuses_is_quoted(engine: sa.Engine, tmp_path: Path) -> None:
    with (
        answering(certified(tmp_path / "tsa", digests="sha512")) as strict,
        pytest.raises(BadConfiguration, match="refuses: Message digest algorithm is not supported"),
    ):
        recorded(engine, tmp_path / "record", strict.policy(), rounds=1)


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"no PEM", "it holds no certificate in PEM")]
)
def test_certificates_that_are_none_are_named(
    engine: sa.Engine, tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "roots.pem").write_bytes(content)
    stamps = TimeStamps(url="http://127.0.0.1:9", certificates=Path("roots.pem"))

    with pytest.raises(BadConfiguration, match=f"roots.pem: {says}"):
        recorded(engine, tmp_path, AuditPolicy(time_stamps=stamps), rounds=1)


def test_an_authority_has_an_address() -> None:
    with pytest.raises(ValueError, match="no address"):
        TimeStamps(url="tsa.example", certificates=Path("roots.pem"))
