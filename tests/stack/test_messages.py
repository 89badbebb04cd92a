"""Where a stack's messages for people go: into its sandbox, unless a Slack outside is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cct_ops.stack.assembly import Assembly, assemble
from cct_ops.stack.config import StackConfig
from cct_ops.stack.progress_display import ProgressDisplay
from tests.conftest import ROOT


def assembled(folder: Path, monkeypatch: pytest.MonkeyPatch, **env: str) -> Assembly:
    """Lay out a stack with a sandbox, without starting it."""
    monkeypatch.chdir(ROOT)
    return assemble(StackConfig.ephemeral(folder, env), 0)


def test_a_stack_with_a_sandbox_makes_threads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-the-shell")

    env = assembled(tmp_path, monkeypatch).env

    assert env["SLACK_BOT_TOKEN"] == "xoxb-sandbox"
    assert env["CCT_OPS_SLACK_API_URL"] == f"{env['CCT_URL']}/slack/api/"


@pytest.mark.parametrize("name", ["SLACK_WEBHOOK_URL", "SLACK_BOT_TOKEN"])
def test_a_slack_outside_is_not_drowned_by_the_sandbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A real token never goes to the sandbox, and what is meant for a real channel goes there."""
    env = assembled(tmp_path, monkeypatch, **{name: "real"}).env

    assert env[name] == "real"
    assert "CCT_OPS_SLACK_API_URL" not in env
    assert env.get("SLACK_BOT_TOKEN") in {None, "real"}


def test_what_people_copy_from_a_log_is_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = f"https://board.example/links/{'x' * 200}"
    urls = {"board": link, **dict.fromkeys(("prefect", "gateway", "hook", "cct"), "http://x")}

    ProgressDisplay().show_running(urls, tmp_path, own_key=None, commands="cct-ops ...")

    assert link in capsys.readouterr().out
