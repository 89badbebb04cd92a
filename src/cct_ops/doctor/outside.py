"""The checks of Slack, GitHub and Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.config import policy
from cct_ops.doctor.check import ANSWER_SECONDS, Result, Sign
from cct_ops.errors import BadConfiguration
from cct_ops.settings import Settings

TEST_MESSAGE = "cct-ops doctor: this is a test, nothing happened."
_SECTIONS = [{"type": "section", "text": {"type": "mrkdwn", "text": TEST_MESSAGE}}]


def slack(settings: Settings, *, send: bool) -> Iterator[Result]:
    """Look at the webhook, and send a message by it if that is wanted; a bot needs none."""
    from cct_ops.clients.slack import check, post

    webhook = settings.slack_webhook_url
    if webhook is None and settings.slack_bot_token is not None:
        return
    if webhook is None:
        fix = "Set SLACK_WEBHOOK_URL or SLACK_BOT_TOKEN to have people notified."
        seen = "neither SLACK_WEBHOOK_URL nor SLACK_BOT_TOKEN is set"
        yield Result("slack", Sign.UNSET, seen, fix)
        return
    check(webhook)
    seen = "a webhook is set; `cct-ops doctor --send` tries it with a message"
    if send:
        post(webhook, TEST_MESSAGE, _SECTIONS, ANSWER_SECONDS)
        seen = "it took the test message"
    yield Result("slack", Sign.WELL, seen)


def slack_bot(settings: Settings, *, send: bool) -> Iterator[Result]:
    """Ask Slack who the bot is, and send a message by it if that is wanted."""
    from cct_ops.clients.slack import SlackBot

    given = settings.slack_bot()
    if given is None:
        return
    bot = SlackBot(*given, timeout_seconds=round(ANSWER_SECONDS))
    who = bot.who()
    seen = f"the token is {who}; `cct-ops doctor --send` tries {bot.channel} with a message"
    if send:
        bot.post(TEST_MESSAGE, _SECTIONS)
        seen = f"the token is {who}, and {bot.channel} took the test message"
    yield Result("slack-bot", Sign.WELL, seen)


def github(settings: Settings) -> Iterator[Result]:
    """Read CCT's repository."""
    from cct_ops.clients.github import GitHubReader
    from cct_ops.clients.github_transport import GitHubTransport

    unset = settings.gh_token is None and settings.github_repository is None
    if unset and not _issues_wanted(settings):
        fix = "Set GH_TOKEN and GITHUB_REPOSITORY for playbooks about CCT's repository."
        yield Result("github", Sign.UNSET, "GH_TOKEN and GITHUB_REPOSITORY are not set", fix)
        return
    url, repository, token = settings.github()
    with GitHubTransport(url, repository, token, ANSWER_SECONDS) as transport:
        branch = GitHubReader(transport).default_branch()
    seen = f"{repository} is visible at {url}, its default branch is {branch}"
    yield Result("github", Sign.WELL, seen)


def _issues_wanted(settings: Settings) -> bool:
    """Return whether policy wants follow-ups to be issues; what is wrong with it stands there."""
    try:
        return policy.read(settings.policy_path).follow_ups.github_issues
    except BadConfiguration:
        return False


def silences(settings: Settings) -> Iterator[Result]:
    """Read Alertmanager's silences."""
    from cct_ops.clients import alertmanager

    url = settings.alertmanager_url
    if url is None:
        fix = "Set CCT_OPS_ALERTMANAGER_URL to have automation keep still where people silenced."
        yield Result("silences", Sign.UNSET, "CCT_OPS_ALERTMANAGER_URL is not set", fix)
        return
    alertmanager.silences(str(url), settings.request_timeout_seconds)
    yield Result("silences", Sign.WELL, f"the silences of {url} can be read")
