"""A bot in the sandbox's Slack."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.clients.slack import SlackBot
from cct_ops.people.notifier import Notifier
from cct_ops.sandbox.control import SandboxControl

TOKEN = SecretStr("xoxb-0123456789-a-bot")


@pytest.fixture
def bot(sandbox: SandboxControl) -> SlackBot:
    """Speaks in the channel that the sandbox has."""
    return SlackBot(TOKEN, "#incidents", f"{sandbox.base_url}/slack/api/")


@pytest.fixture
def notifier(engine: sa.Engine, bot: SlackBot) -> Notifier:
    """What a part of ours speaks with where there is a bot."""
    return Notifier(engine, None, bot)
