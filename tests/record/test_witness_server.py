"""The witness that strangers run cosigns what goes on from what it has seen, and nothing else."""

from __future__ import annotations

import ast
import json
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from cct_ops.record.cosignatures import Cosigner
from cct_ops.record.notes import Signer
from tests.record.witnessing import NAME, SERVER, Log, Running, running

LOG = Log(Signer.new("log.example"))
OTHER = Log(Signer.new("log.example"))
FORK = Log(LOG.signer, begin=1_000)
UNKNOWN = Log(Signer.new("another.example"))


@pytest.fixture
def witness(tmp_path: Path) -> Iterator[Running]:
    """A witness of one log, that has seen its first 8 leaves."""
    with running(tmp_path / "state", [str(LOG.signer.verifier)]) as found:
        assert found.add(LOG.request(0, 8)).status_code == 200
        yield found


def refused_to_start(*words: object) -> str:
    """Start a witness in vain; returns what it said."""
    command = [sys.executable, "-I", str(SERVER), *map(str, words)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_what_goes_on_is_cosigned(witness: Running) -> None:
    steps = (8, 8, 9, 15, 16, 17, 31, 32, 33, 40)
    for old, size in pairwise(steps):
        answer = witness.add(LOG.request(old, size))

        assert answer.status_code == 200
        note = f"{LOG.note(size)}{answer.text}"
        assert Cosigner.parse(witness.key).cosigned_at(note) is not None
        assert LOG.signer.verifier.signed(note)
    assert witness.seen() == [witness.key, "log.example: 40 leaves"]


@pytest.mark.parametrize(
    ("request_", "status", "says"),
    [
        (LOG.request(0, 8), 409, "8\n"),
        (LOG.request(4, 9), 409, "8\n"),
        (LOG.request(9, 12), 409, "8\n"),
        (FORK.request(8, 8), 409, "8\n"),
        (LOG.request(4, 4), 409, "8\n"),
        (FORK.request(8, 12), 422, "does not go on"),
        (LOG.request(8, 12).replace("\n\n", "\nAAAA" + "A" * 39 + "=\n\n", 1), 422, "not go on"),
        (LOG.request(8, 12).replace("old 8", "old 13"), 400, "larger"),
        (OTHER.request(8, 12), 403, "not signed"),
        (UNKNOWN.request(0, 8), 404, "No log of this name"),
        ("", 400, "no request"),
        ("old 08\n\n" + LOG.note(8), 400, "no request"),
        ("old 8\n" + LOG.note(8), 400, "no request"),
        ("old 8\n\nlog.example\n8\nAAAA\n\n— log.example AAAA\n", 400, "no request"),
        (LOG.request(8, 12).replace("\n12\n", "\n13\n"), 403, "not signed"),
    ],
)
def test_everything_else_is_refused(
    witness: Running, request_: str, status: int, says: str
) -> None:
    """By the status that the protocol has for it; and what was seen stays as it was."""
    answer = witness.add(request_)

    assert (answer.status_code, says in answer.text) == (status, True)
    assert (answer.headers["Content-Type"] == "text/x.tlog.size") == (status == 409)
    assert witness.seen()[1:] == ["log.example: 8 leaves"]


def test_what_was_seen_outlives_any_kill(witness: Running, tmp_path: Path) -> None:
    """What was answered was on the disk before, so nothing that was seen is taken back."""
    stop = threading.Event()
    said = []

    def ask() -> None:
        at = 8
        while not stop.is_set() and at < 40:
            try:
                answer = witness.add(LOG.request(at, at + 1))
            except httpx.HTTPError:
                return
            said.append((at := at + 1, answer.status_code))

    asking = threading.Thread(target=ask)
    asking.start()
    while len(said) < 5 and asking.is_alive():
        stop.wait(0.001)
    witness.kill()
    asking.join()

    with running(tmp_path / "state", [str(LOG.signer.verifier)]) as again:
        assert again.key == witness.key
        seen = int(again.seen()[1].split()[1])
        assert seen in {len(said) + 8, len(said) + 9}
        assert again.add(FORK.request(seen, 40)).status_code == 422
        assert again.add(LOG.request(seen, 40)).status_code == 200


def test_of_several_at_once_one_is_first(witness: Running) -> None:
    """So the state is never that of a smaller checkpoint than one that was cosigned."""
    answers: list[int] = []

    def ask(size: int) -> None:
        answers.append(witness.add(LOG.request(8, size)).status_code)

    threads = [threading.Thread(target=ask, args=(size,)) for size in range(9, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [200, *[409] * 15]


def test_its_key_is_for_its_owner_alone(witness: Running, tmp_path: Path) -> None:
    key = tmp_path / "state" / "witness.key"
    assert key.stat().st_mode & 0o777 == 0o600
    witness.kill()
    key.chmod(0o644)

    said = refused_to_start(tmp_path / "state", "--name", NAME, "--log", LOG.signer.verifier)
    assert "chmod 600" in said


def test_one_that_forgot_is_no_witness(witness: Running, tmp_path: Path) -> None:
    """It ends with a sentence, as it does on a state that another one uses, or that is cut off."""
    words = (tmp_path / "state", "--name", NAME, "--log", LOG.signer.verifier)
    assert "another witness runs" in refused_to_start(*words)
    witness.kill()
    seen = tmp_path / "state" / "seen.json"
    kept = seen.read_text()
    for broken in (kept[:20], None):
        seen.write_text(broken) if broken else seen.unlink()
        assert "is lost" in refused_to_start(*words)
    seen.write_text(json.dumps(json.loads(kept)))
    assert "is that of witness.example" in refused_to_start(
        tmp_path / "state", "--name", "eve.example", "--log", LOG.signer.verifier
    )


def test_callers_need_the_token_where_one_is_set(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a secret\n")
    options = ("--token-file", str(token))
    with running(tmp_path / "state", [str(LOG.signer.verifier)], *options) as witness:
        assert witness.add(LOG.request(0, 8)).status_code == 401
        answer = httpx.post(
            f"{witness.url}/add-checkpoint",
            content=LOG.request(0, 8).encode(),
            headers={"Authorization": "Bearer a secret"},
        )
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--name", "a name", "--log", LOG.signer.verifier), "neither spaces"),
        (("--name", NAME, "--log", "no key"), "is none"),
        (("--name", NAME, "--log", f"{LOG.signer.verifier}"[:-4] + "AAA="), "is none"),
        (("--name", NAME, "--log", LOG.signer.verifier, "--listen", "here"), "is none"),
        (("--name", NAME, "--log", LOG.signer.verifier, "--listen", "192.0.2.1:1"), "listened on"),
        (("--name", NAME, "--log", LOG.signer.verifier, "--token-file", "/nowhere"), "is none"),
    ],
)
def test_a_start_that_cannot_be_says_why(
    tmp_path: Path, words: tuple[object, ...], says: str
) -> None:
    assert says in refused_to_start(tmp_path / "state", *words)


def test_it_has_nothing_of_ours_in_it() -> None:
    tree = ast.walk(ast.parse(SERVER.read_text()))
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in tree
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    parts = {each.split(".")[0] for each in imported}
    assert parts - set(sys.stdlib_module_names) == {"cryptography"}


def test_too_much_is_not_read(witness: Running) -> None:
    assert witness.add("x" * 100_000).status_code == 413
    assert witness.add(LOG.request(8, 9)).status_code == 200


@pytest.mark.parametrize("length", [b"9" * 5000, b"-1", b"1e3", b"\xb2", b"2, 2", b""])
def test_a_length_that_is_none_is_answered(witness: Running, length: bytes) -> None:
    with socket.create_connection(("127.0.0.1", witness.port), timeout=60) as caller:
        caller.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %s\r\n\r\n" % length)
        assert caller.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_who_hangs_up_is_no_error_of_the_witness(witness: Running) -> None:
    """Its log is for its owner, and not for what everybody may write there."""
    head = b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: %d\r\n\r\n"
    for request in (head % 9, head % 9 + b"nothing", b"POST", head % 2 + b"ab"):
        with socket.create_connection(("127.0.0.1", witness.port), timeout=60) as caller:
            hang_up = struct.pack("ii", 1, 0)
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hang_up)
            caller.sendall(request)
    assert witness.add(LOG.request(8, 9)).status_code == 200
    witness.kill()
    assert "add-checkpoint" in witness.log.read_text()
    assert "Traceback" not in witness.log.read_text()


def test_two_logs_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    logs = [str(LOG.signer.verifier), str(UNKNOWN.signer.verifier)]
    with running(tmp_path / "state", logs) as witness:
        assert witness.add(LOG.request(0, 8)).status_code == 200
        assert witness.add(UNKNOWN.request(0, 5)).status_code == 200
        assert witness.seen()[1:] == ["log.example: 8 leaves", "another.example: 5 leaves"]
