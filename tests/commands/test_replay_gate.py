"""A change of the rules, held against a history before it is merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cct_ops.ledger.intake.tables import dispatches
from evaluation.history.bodies import alert, alertmanager
from tests.commands.conftest import Ended, Program
from tests.gateway.delivering import take
from tests.gateway.signing import NOW
from tests.replay.repository import WEEK, Repo

GONE = """\
  - name: exemptions-overdue
    match:
      - alertname=~"Exemptions?(Expired|Overdue).*"
    playbook: exemption-cleanup
    mode: auto
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """Return a repository of rules, which commands work on."""
    made = Repo(tmp_path / "rules")
    made.commit()
    for name in ("sources", "routes", "policy"):
        monkeypatch.setenv(f"CCT_OPS_{name.upper()}_PATH", str(made.rules / f"{name}.yaml"))
    monkeypatch.setenv("COLUMNS", "250")
    return made


def held(program: Program, *more: str, baseline: str = "HEAD", history: Path = WEEK) -> Ended:
    """Hold the rules against those of a revision."""
    return program("replay", f"--baseline={baseline}", "--history", str(history), *more)


def test_what_is_the_same_passes(repo: Repo, program: Program) -> None:
    ended = held(program)

    assert ended.code == 0
    assert "no difference" in ended.out.splitlines()[0]
    assert "only files are compared" in ended.out


def test_each_difference_is_named_with_its_alerts_until_it_is_acknowledged(
    repo: Repo, program: Program
) -> None:
    """By whom and why: an entry without a reason is refused."""
    repo.edit("routes.yaml", GONE, "")
    repo.edit("policy.yaml", "cool_down_minutes: 10 ", "cool_down_minutes: 600 ")

    ended = held(program)
    assert ended.code == 1
    assert ended.out.startswith("fired 78 → 77, 1 gone, ")
    assert "blocked by cool-down" in ended.out.splitlines()[0]
    assert "exemption-cleanup in auto mode: changes" in ended.out
    assert "  2026-03-03 15:00:00  delivery " in ended.out
    assert "it does not pass" in ended.out

    ended = held(program, "--json", "--allow", "100")
    said = json.loads(ended.out)
    assert ended.code == 0
    assert said["fired"] == {"before": 78, "after": 77}
    assert said["not_acknowledged"] == sum(len(each["alerts"]) for each in said["differences"])
    assert all(len(each["alerts"]) == each["times"] for each in said["differences"])

    lines = held(program, "--acknowledge").out
    file = repo.rules / "replay-acknowledged.yaml"
    file.write_text(f"acknowledged:\n{lines}")
    ended = held(program)
    assert ended.code == 2
    assert "acknowledged.0.why: String should have at least 1 character" in ended.err
    file.write_text(f"acknowledged:\n{lines}".replace('why: ""', "why: done elsewhere now"))
    assert held(program).code == 0


def test_what_the_ledger_has_is_compared_and_can_be_kept_in_a_file(
    repo: Repo, program: Program, engine: sa.Engine, on_ledger: None, tmp_path: Path
) -> None:
    """And nothing of it is changed by that."""
    take(engine, "alertmanager", alertmanager(alert("ExemptionsOverdue", NOW)))
    repo.edit("routes.yaml", GONE, "")

    ended = program("replay", "--since", "1h", "--baseline", "HEAD")
    assert ended.code == 1
    assert ended.out.startswith("fired 1 → 0, 1 gone\n")

    file = tmp_path / "history.jsonl"
    ended = program("replay", "--since", "1h", "--record", str(file))
    assert (ended.code, ended.out.partition(":")[2][:11]) == (0, " 1 delivery")
    ended = program("replay", "--history", str(file), "--json")
    assert [each["today"] for each in json.loads(ended.out)] == [
        "everything-else: people are notified"
    ]
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(dispatches)) == 1


def test_what_cannot_be_compared_is_neither_the_same_nor_another(
    repo: Repo, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.edit("routes.yaml", "mode: auto", "mode: always")
    repo.commit()
    repo.edit("routes.yaml", "mode: always", "mode: auto")

    def refused(*more: str, baseline: str = "HEAD~1", history: Path = WEEK) -> str:
        ended = held(program, *more, baseline=baseline, history=history)
        assert ended.code == 2
        return " ".join(ended.err.split())

    assert "has no revision 'v9'" in refused(baseline="v9")
    assert "has no revision '--all'" in refused(baseline="--all")
    assert "deployments/routes.yaml:" in refused(baseline="HEAD")
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\0\xff")
    assert f"{garbage}:1: is no line of a history" in refused(history=garbage)
    assert "cannot be read" in refused(history=tmp_path / "nowhere")
    assert "there is no such file" in refused("--acknowledged", str(tmp_path / "none.yaml"))
    assert "0 or more" in refused("--allow=-1")
    assert "goes without --json" in refused("--acknowledge", "--json")

    repo.git("rm", "--quiet", "--cached", "deployments/policy.yaml")
    repo.git("commit", "--quiet", "--no-gpg-sign", "--message", "Without a policy")
    assert "has no deployments/policy.yaml" in refused(baseline="HEAD")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "git is needed" in refused()
    (repo.root / ".git").rename(tmp_path / "no longer")
    monkeypatch.undo()
    for name in ("sources", "routes", "policy"):
        monkeypatch.setenv(f"CCT_OPS_{name.upper()}_PATH", str(repo.rules / f"{name}.yaml"))
    assert "is in no git repository" in refused()
    (repo.rules / "policy.yaml").unlink()
    assert "policy.yaml: there is no such file" in refused()
    ended = program("replay", "--allow", "3")
    assert ended.code == 1
    assert "belong to --baseline" in ended.err
