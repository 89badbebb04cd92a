"""A variable that is empty, or of blanks, is one that is not set: everywhere, and by one rule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from cct_ops.config.secret_references import read_secret
from cct_ops.config.sources import KeyReference
from cct_ops.errors import BadConfiguration
from cct_ops.settings import Settings
from cct_ops.stack.assembly import assemble
from cct_ops.stack.config import StackConfig
from cct_ops.typed import program
from cct_ops.variables import normalized, said, say_unless_said
from tests.conftest import ROOT
from tests.generated_docs import variables

BLANKS = ["", " ", "\t\n"]


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the shell says about us."""
    for name in list(os.environ):
        if name.upper() in {each.upper() for each in variables()}:
            monkeypatch.delenv(name)
    monkeypatch.chdir(ROOT)


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("lower", [False, True])
def test_every_setting_that_is_blank_is_not_set(
    monkeypatch: pytest.MonkeyPatch, blank: str, lower: bool
) -> None:
    """Templates write every name that they know."""
    before = Settings.load()
    for name in variables():
        monkeypatch.setenv(name.lower() if lower else name, blank)

    assert Settings.load() == before
    assert Settings.load().slack_bot() is None
    with pytest.raises(BadConfiguration, match="CCT_URL is not set"):
        Settings.load().cct()


def test_blanks_around_a_value_are_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in a header with a line break at its end is refused by every HTTP library."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", " xoxb-1\n")
    monkeypatch.setenv("CCT_OPS_METRICS_PORT", " 9090 ")
    settings = Settings.load()

    assert settings.slack_bot_token is not None
    assert settings.slack_bot_token.get_secret_value() == "xoxb-1"
    assert settings.metrics_port == 9090


def test_a_wrong_value_is_still_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCT_OPS_METRICS_PORT", "x")
    with pytest.raises(BadConfiguration, match="CCT_OPS_METRICS_PORT: "):
        Settings.load()


@pytest.mark.parametrize("blank", BLANKS)
def test_a_reference_to_nothing_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blank: str
) -> None:
    """Neither a variable nor a file of blanks holds a secret; an empty place is no place."""
    monkeypatch.setenv("SOME_KEY", blank)
    (tmp_path / "key").write_text(blank)

    assert read_secret(KeyReference(env="SOME_KEY")) == ""
    assert read_secret(KeyReference(file=tmp_path / "key")) == ""
    both = KeyReference.model_validate({"env": "SOME_KEY", "file": blank})
    assert both.file is None
    with pytest.raises(ValidationError, match="say where the key is"):
        KeyReference.model_validate({"env": blank})


@pytest.mark.parametrize("blank", BLANKS)
def test_what_is_read_beside_the_settings_is_read_alike(
    monkeypatch: pytest.MonkeyPatch, blank: str
) -> None:
    for name in ("CCT_OPS_COMMAND", "CCT_OPS_GATEWAY_PORT", "X_API_KEY"):
        monkeypatch.setenv(name, blank)

    assert program() == "cct-ops"
    assert StackConfig.here().gateway_port == 8080
    say_unless_said("X_API_KEY", "theirs")
    assert said("X_API_KEY") == "theirs"
    monkeypatch.setenv("cct_ops_command", "mine")
    say_unless_said("CCT_OPS_COMMAND", "theirs")
    assert program() == "mine"


@pytest.mark.parametrize("blank", BLANKS)
def test_a_stack_starts_from_what_was_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, blank: str
) -> None:
    """With every variable that it knows blank it is the stack without any."""
    for name in (*variables(), "PREFECT_API_KEY", "PREFECT_WORKER_QUERY_SECONDS"):
        monkeypatch.setenv(name, blank)
    config = StackConfig.here(tmp_path).model_copy(
        update={
            "gateway_port": 1024,
            "prefect_port": 1025,
            "sandbox_port": 1026,
            "board_port": 1027,
        }
    )
    env = assemble(config, 0).env

    assert env["CCT_URL"] == "http://127.0.0.1:1026"
    assert env["SLACK_BOT_TOKEN"] == "xoxb-sandbox"
    assert env["PREFECT_WORKER_QUERY_SECONDS"] == "2"
    assert [name for name, value in env.items() if not value.strip()] == []


def test_a_name_of_ours_is_one_name_whatever_its_case() -> None:
    """The settings know no case: two spellings would leave it to chance which one counts."""
    spelt = {"cct_url": "small", "CCT_URL": "capitals", "Gh_Token": "t", "http_proxy": "p"}

    assert normalized(spelt) == {"CCT_URL": "capitals", "GH_TOKEN": "t", "http_proxy": "p"}
    assert normalized(dict(reversed(spelt.items()))) == normalized(spelt)
    assert normalized({"cct_url": "small", "CCT_URL": ""}) == {"CCT_URL": "small"}


LEADING = {
    "CCT_URL",
    "X_API_KEY",
    "SLACK_WEBHOOK_URL",
    "SLACK_BOT_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "GITHUB_REPOSITORY",
    "GITHUB_API_URL",
    "CCT_OPS_DATABASE_URL",
    "CCT_OPS_ALERTMANAGER_URL",
    "CCT_OPS_HEARTBEAT_URL",
    "CCT_OPS_WEBHOOK_ON_CALL",
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
    "PREFECT_PROFILE",
    "PREFECT_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "PGHOST",
    "PGSERVICE",
    "PGPASSWORD",
    "AWS_SECRET_ACCESS_KEY",
    "PAGERDUTY_KEY",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "A_NAME_THAT_NOBODY_KNOWS",
}


@pytest.mark.parametrize("spelt", [str.upper, str.lower, str.title])
def test_nothing_that_leads_anywhere_reaches_an_isolated_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spelt: object
) -> None:
    """A demo, a game day and a test never act on the systems of the shell that they run in."""
    assert callable(spelt)
    for name in LEADING | set(variables()):
        monkeypatch.setenv(spelt(name), "the-caller's")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    config = StackConfig.ephemeral(tmp_path, {"CCT_OPS_WATCH_SECONDS": "1"})
    assembly = assemble(config, 0)

    environments = [config.environment, assembly.env, *(p.program.env for p in assembly.plan.parts)]
    for env in environments:
        assert [name for name, value in env.items() if "the-caller's" in value] == []
    assert config.environment["CCT_OPS_WATCH_SECONDS"] == "1"
    assert config.environment["PATH"] == os.environ["PATH"]
    assert config.environment["LC_ALL"] == "C.UTF-8"
