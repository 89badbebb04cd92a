"""Another Prefect, or another CCT, is tried before it counts; what fails is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cct_ops.commands import rehearse as command
from cct_ops.errors import BadConfiguration, Unavailable
from cct_ops.rehearsal import candidate, rehearse
from cct_ops.rehearsal.contract import PROMISES
from cct_ops.rehearsal.result import Rehearsed
from cct_ops.sandbox.control import SandboxControl
from cct_ops.worker import compatibility
from tests.commands.conftest import (
    Program,
    program,  # noqa: F401 -- a fixture
)
from tests.conftest import API_KEY, ROOT

pytestmark = pytest.mark.timeout(900)  # a stack of its own on a busy machine


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rehearsal plays the playbooks of the folder that it is started in."""
    monkeypatch.chdir(ROOT)


def test_the_prefect_of_here_keeps_what_the_worker_promises() -> None:
    results = list(rehearse.worker(Path(sys.executable)))

    assert [each for each in results if not each.passed] == []
    assert [each.kind for each in results] == ["worker"] * len(PROMISES)


def test_a_prefect_that_is_not_had_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without a network."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
    with (
        pytest.raises(Unavailable, match=r"Prefect 3\.8\.8 could not be installed: .*registry"),
        candidate.prepared("3.8.8"),
    ):
        pass
    for odd in ("latest", "3.8 --pre", "", "-r/etc/passwd"):
        with (
            pytest.raises(BadConfiguration, match="is no version of Prefect"),
            candidate.prepared(odd),
        ):
            pass


def test_an_environment_of_a_rehearsal_takes_its_own_prefect_for_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whether the fast worker works with it could not be tried."""
    monkeypatch.setattr("prefect.__version__", "3.9.0")
    assert compatibility.find_incompatibilities() == ["Prefect 3.9.0 is not tried"]
    monkeypatch.setattr(compatibility, "_REHEARSED", tmp_path / candidate.REHEARSED)
    (tmp_path / candidate.REHEARSED).write_text("3.9.0")
    assert compatibility.find_incompatibilities() == []


def test_the_file_of_a_rehearsal_is_named_alike_on_both_sides() -> None:
    """The worker imports nothing of the rehearsal."""
    assert compatibility._REHEARSED.name == candidate.REHEARSED


def test_a_python_without_prefect_is_one_sentence(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)

    with pytest.raises(Unavailable, match=r"cannot be imported there: .*No module named"):
        rehearse.prefect_of(tmp_path / "bin" / "python")
    broken, missing = rehearse.drills(tmp_path / "bin" / "python", ["auto-rollback"])
    assert "No module named" in (broken.problem or "")
    assert missing.problem == "It was not drilled."


def test_the_verdict_is_by_playbook(capsys: pytest.CaptureFixture[str]) -> None:
    good = Rehearsed(kind="playbook", name="auto-rollback", seconds=12)
    bad = Rehearsed(kind="playbook", name="canary-issue", problem="It ended with Failed.")

    assert command._shown("Prefect 4.0", [good], as_json=False) == 0
    assert "Good: Prefect 4.0 passes all 1." in capsys.readouterr().out
    assert command._shown("Prefect 4.0", [good, bad], as_json=False) == 1
    said = capsys.readouterr().out
    assert "pass  auto-rollback (12 s)" in said
    assert "FAIL  canary-issue" in said
    assert "Not yet: Prefect 4.0 fails 1 of 2." in said
    assert command._shown("Prefect 4.0", [good, bad], as_json=True) == 1
    assert '"passed": false' in capsys.readouterr().out


def test_mistakes_are_one_sentence(
    program: Program,  # noqa: F811 -- the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("X_API_KEY", raising=False)
    assert "name either --prefect or --cct-url" in program("rehearse").err
    assert (
        "auto-rolback"
        in program("rehearse", "--prefect", "3.8.8", "--playbook", "auto-rolback").err
    )
    assert "X_API_KEY is not set" in program("rehearse", "--cct-url", "http://127.0.0.1:9").err
    monkeypatch.setenv("X_API_KEY", API_KEY)
    assert "nothing answers there" in program("rehearse", "--cct-url", "http://127.0.0.1:9").err
    assert "--cct-url must be scheme://" in program("rehearse", "--cct-url", "cct").err
    alone = program("rehearse", "--cct-url", "http://127.0.0.1:9", "--playbook", "incident-report")
    assert "incident-report has no observe mode" in alone.err
    assert os.environ["X_API_KEY"] == API_KEY


def test_a_cct_that_does_not_take_the_key_is_not_looked_at(
    program: Program,  # noqa: F811 -- the fixture
    sandbox: SandboxControl,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each playbook would see only that, and five requests with it lock the address."""
    monkeypatch.setenv("X_API_KEY", "wrong")

    ended = program("rehearse", "--cct-url", sandbox.base_url)

    assert ended.code == 1
    assert "Set X_API_KEY to a key of that CCT; this one was tried only once" in ended.err
    assert "pass" not in ended.out
