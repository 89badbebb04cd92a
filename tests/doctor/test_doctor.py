"""The doctor against real parts: what works, what does not and what to do, and never a secret."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from cct_ops.ledger.engine import connect
from cct_ops.sandbox.control import SandboxControl
from cct_ops.sandbox.github_inputs import GitHubSeed
from cct_ops.sandbox.inputs import Dialect, Fault
from cct_ops.stack.postgres import EmbeddedPostgres, free_port
from tests.conftest import API_KEY
from tests.controller.running import dispatching, routes_to
from tests.doctor.conftest import Doctor
from tests.stack.polling import eventually

KEY = "k3y-that-nobody-may-see"


@pytest.fixture
def cct(sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch) -> SandboxControl:
    """The sandbox as the CCT that is set."""
    monkeypatch.setenv("CCT_URL", sandbox.base_url)
    monkeypatch.setenv("X_API_KEY", API_KEY)
    return sandbox


def test_what_is_not_set_up_is_no_error(doctor: Doctor) -> None:
    code, lines = doctor()

    assert code == 0
    for part in ("cct", "prefect", "ledger", "log", "slack", "github", "silences"):
        assert lines[part].startswith("- "), lines[part]
    for part in ("settings", "routes", "policy"):
        assert lines[part].startswith("✓ "), lines[part]
    assert "CCT_OPS_WEBHOOK_ON_CALL" not in lines["approvers"]
    assert "links of on-call, lead" in lines["approvers"]
    assert lines["contacts"].startswith("! ")
    for part in ("status-page", "outside"):
        assert lines[part].startswith("- "), lines[part]


def test_a_wrong_setting_is_named_and_not_repeated(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_WATCH_SECONDS", KEY)

    code, lines = doctor()

    assert (code, set(lines)) == (1, {"settings"})
    assert "CCT_OPS_WATCH_SECONDS" in lines["settings"]
    assert KEY not in lines["settings"]


@pytest.mark.parametrize("file", ["sources", "routes", "policy", "approvers", "contacts"])
def test_a_file_that_is_wrong_is_named_with_its_line(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: str
) -> None:
    wrong = tmp_path / f"{file}.yaml"
    wrong.write_text("# nothing\nnonsense: 1\n")
    monkeypatch.setenv(f"CCT_OPS_{file.upper()}_PATH", str(wrong))

    code, lines = doctor()

    assert code == 1
    assert lines[file].startswith(f"✗ {file}")
    assert f"{wrong}:" in lines[file]


def test_a_playbook_that_the_policy_spells_wrong_is_named_with_its_line(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right name would silently do nothing but observe."""
    wrong = Path("deployments/policy.yaml")
    wrong.parent.mkdir()
    wrong.write_text("playbooks:\n  doctored: {ceiling: auto}\n  doctord: {ceiling: auto}\n")
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(wrong))

    code, lines = doctor()

    assert code == 1
    assert f"{wrong}:3: there is no playbook doctord in prefect.yaml" in lines["policy"]


@pytest.mark.parametrize(
    ("dialect", "sign", "said"),
    [
        ("runbook", "✓", "speaks the runbook dialect"),
        ("handlers-only", "!", "speaks the handlers-only dialect"),
        ("bare", "!", "speaks the bare dialect"),
    ],
)
def test_ccts_dialect_is_shown(
    doctor: Doctor, cct: SandboxControl, dialect: Dialect, sign: str, said: str
) -> None:
    cct.reset(dialect=dialect)

    code, lines = doctor()

    assert code == 0
    assert lines["cct"].startswith(f"{sign} ")
    assert said in lines["cct"]
    assert len(cct.requests()) <= 3


@pytest.mark.parametrize("dialect", ["runbook", "handlers-only", "bare"])
def test_a_wrong_key_is_tried_once_and_not_shown(
    doctor: Doctor, cct: SandboxControl, monkeypatch: pytest.MonkeyPatch, dialect: Dialect
) -> None:
    """Five wrong ones would lock this address out for a quarter of an hour."""
    cct.reset(dialect=dialect)
    monkeypatch.setenv("X_API_KEY", KEY)

    code, lines = doctor()

    assert code == 1
    assert lines["cct"].startswith("✗ ")
    assert "Set X_API_KEY" in lines["cct"]
    assert KEY not in "".join(lines.values())
    assert len(cct.requests()) == 1


def test_a_cct_without_a_key_or_without_an_answer_is_broken(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_URL", f"http://127.0.0.1:{free_port()}")
    code, lines = doctor()
    assert (code, "X_API_KEY is not set" in lines["cct"]) == (1, True)

    monkeypatch.setenv("X_API_KEY", KEY)
    code, lines = doctor()
    assert (code, "No answer from 127.0.0.1" in lines["cct"]) == (1, True)


def test_a_cct_that_limits_us_is_left_alone(doctor: Doctor, cct: SandboxControl) -> None:
    cct.faults(Fault(path="/api/v1/security/status", error_status=429))

    code, lines = doctor()

    assert code == 1
    assert "Leave this CCT alone" in lines["cct"]
    assert len(cct.requests()) == 1


def test_the_ledger_and_whether_somebody_dispatches_from_it(
    doctor: Doctor, ledger_url: SecretStr, prefect_api_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    monkeypatch.setenv("CCT_OPS_ALERTMANAGER_KEY", KEY * 2)

    code, lines = doctor()
    assert code == 1
    assert lines["ledger"].startswith("✓ ")
    assert "`cct-ops start controller`" in lines["controller"]
    assert lines["sources"].startswith("✓ ")

    with dispatching(connect(ledger_url), prefect_api_url, routes_to("any")):
        eventually(lambda: doctor()[0] == 0)


def test_a_ledger_of_another_schema_is_broken(
    doctor: Doctor, ledger_url: SecretStr, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", ledger_url.get_secret_value())
    plain = ledger_url.get_secret_value().replace("+psycopg", "")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("update alembic_version set version_num = '0000'")

    code, lines = doctor()

    assert code == 1
    assert "its schema is 0000, and the newest is" in lines["ledger"]
    assert "`cct-ops migrate`" in lines["ledger"]


def test_a_ledger_out_of_reach_is_broken_and_its_password_not_shown(
    doctor: Doctor, postgres: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = postgres.url("cct_ops").rpartition("@")[2]
    monkeypatch.setenv("CCT_OPS_DATABASE_URL", f"postgresql+psycopg://nobody:{KEY}@{host}")

    code, lines = doctor()

    assert code == 1
    assert lines["ledger"].startswith("✗ ")
    assert "nobody" in lines["ledger"]
    assert KEY not in "".join(lines.values())


def test_slack_gets_a_message_only_when_that_is_wanted(
    doctor: Doctor, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", f"{sandbox.base_url}/slack/{KEY}")

    assert doctor()[0] == 0
    assert sandbox.slack_messages() == []

    code, lines = doctor("--send")
    assert (code, "took the test message" in lines["slack"]) == (0, True)
    (message,) = sandbox.slack_messages()
    assert "this is a test" in message.body["text"]

    sandbox.faults(Fault(path="/slack/", error_status=404))
    code, lines = doctor("--send")
    assert (code, "Slack answered 404" in lines["slack"]) == (1, True)
    assert KEY not in "".join(lines.values())


def test_the_bot_of_slack_says_who_it_is(
    doctor: Doctor, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message is sent only when that is wanted; the token is not shown, whatever is wrong."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", f"xoxb-{KEY}")
    monkeypatch.setenv("CCT_OPS_SLACK_API_URL", f"{sandbox.base_url}/slack/api")
    code, lines = doctor()
    assert (code, "CCT_OPS_SLACK_CHANNEL is not set" in lines["slack-bot"]) == (1, True)

    monkeypatch.setenv("CCT_OPS_SLACK_CHANNEL", "#incidents")
    code, lines = doctor()
    assert (code, "cct-ops in Sandbox" in lines["slack-bot"]) == (0, True)
    assert "slack" not in lines, "nothing is missing without a webhook"
    assert sandbox.slack_messages() == []

    code, lines = doctor("--send")
    assert (code, "#incidents took the test message" in lines["slack-bot"]) == (0, True)
    assert len(sandbox.slack_messages()) == 1

    monkeypatch.setenv("CCT_OPS_SLACK_CHANNEL", "nowhere")
    code, lines = doctor("--send")
    assert (code, "channel_not_found" in lines["slack-bot"]) == (1, True)

    monkeypatch.setenv("SLACK_BOT_TOKEN", f"no-bot-{KEY}")
    code, lines = doctor()
    assert (code, "invalid_auth" in lines["slack-bot"]) == (1, True)
    assert KEY not in "".join(lines.values())


def test_issues_that_policy_wants_need_a_repository_and_a_token(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, lines = doctor()
    assert (code, lines["github"].startswith("-")) == (0, True)

    wants = tmp_path / "policy.yaml"
    wants.write_text("playbooks: {}\nfollow_ups: {github_issues: true}\n")
    monkeypatch.setenv("CCT_OPS_POLICY_PATH", str(wants))
    code, lines = doctor()
    assert (code, "GITHUB_REPOSITORY is not set" in lines["github"]) == (1, True)


def test_github_shows_the_repository_or_why_not(
    doctor: Doctor, sandbox: SandboxControl, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.seed_github(GitHubSeed())
    monkeypatch.setenv("GITHUB_API_URL", f"{sandbox.base_url}/github")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/cct")
    code, lines = doctor()
    assert (code, "GH_TOKEN is not set" in lines["github"]) == (1, True)

    monkeypatch.setenv("GH_TOKEN", KEY)
    code, lines = doctor()
    assert (code, "example/cct is visible" in lines["github"]) == (0, True)

    monkeypatch.setenv("GITHUB_REPOSITORY", "example/other")
    code, lines = doctor()
    assert (code, "check GITHUB_REPOSITORY" in lines["github"]) == (1, True)
    assert KEY not in "".join(lines.values())
