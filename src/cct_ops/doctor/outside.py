"""The checks of Slack, GitHub and Alertmanager."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cct_ops.doctor.finding import ANSWER_SECONDS, Check, Finding, Sign
from cct_ops.settings import Settings

TEST_MESSAGE = "cct-ops doctor: this is a test, nothing happened."


def checks(settings: Settings, *, send: bool) -> Iterator[Check]:
    """Yield the checks of what is set up, and of what is not."""
    if settings.slack_webhook_url is not None or settings.slack_bot_token is None:
        fix = "Copy the webhook's address from Slack to SLACK_WEBHOOK_URL again."
        yield Check("slack", lambda: _slack(settings, send=send), fix)
    if settings.slack_bot_token is not None:
        fix = "Correct SLACK_BOT_TOKEN and CCT_OPS_SLACK_CHANNEL, and invite the bot there."
        yield Check("slack-bot", lambda: _bot(settings, send=send), fix)
    fix = "Correct GH_TOKEN and GITHUB_REPOSITORY: the token must see that repository."
    yield Check("github", lambda: _github(settings), fix)
    fix = (
        "Start Alertmanager or correct CCT_OPS_ALERTMANAGER_URL; an authority of your own stands in"
        " SSL_CERT_FILE. Every change is blocked while its silences cannot be read."
    )
    yield Check("silences", lambda: _silences(settings), fix)


def _slack(settings: Settings, *, send: bool) -> Sequence[Finding]:
    from cct_ops.clients import slack

    webhook = settings.slack_webhook_url
    if webhook is None:
        fix = "Set SLACK_WEBHOOK_URL or SLACK_BOT_TOKEN to have people notified."
        seen = "neither SLACK_WEBHOOK_URL nor SLACK_BOT_TOKEN is set"
        return [Finding(part="slack", sign=Sign.UNSET, seen=seen, fix=fix)]
    slack.check(webhook)
    if not send:
        seen = "a webhook is set; `cct-ops doctor --send` tries it with a message"
        return [Finding(part="slack", sign=Sign.WELL, seen=seen)]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": TEST_MESSAGE}}
    slack.post(webhook, TEST_MESSAGE, [section], ANSWER_SECONDS)
    return [Finding(part="slack", sign=Sign.WELL, seen="it took the test message")]


def _bot(settings: Settings, *, send: bool) -> Sequence[Finding]:
    from cct_ops.clients.slack import SlackBot

    given = settings.slack_bot()
    if given is None:
        return []
    bot = SlackBot(*given, timeout_seconds=round(ANSWER_SECONDS))
    who = bot.who()
    if not send:
        seen = f"the token is {who}; `cct-ops doctor --send` tries {bot.channel} with a message"
        return [Finding(part="slack-bot", sign=Sign.WELL, seen=seen)]
    section = {"type": "section", "text": {"type": "mrkdwn", "text": TEST_MESSAGE}}
    bot.post(TEST_MESSAGE, [section])
    seen = f"the token is {who}, and {bot.channel} took the test message"
    return [Finding(part="slack-bot", sign=Sign.WELL, seen=seen)]


def _github(settings: Settings) -> Sequence[Finding]:
    from cct_ops.clients.github import GitHubReader
    from cct_ops.clients.github_transport import GitHubTransport

    if settings.gh_token is None and settings.github_repository is None:
        fix = "Set GH_TOKEN and GITHUB_REPOSITORY for playbooks about CCT's repository."
        seen = "GH_TOKEN and GITHUB_REPOSITORY are not set"
        return [Finding(part="github", sign=Sign.UNSET, seen=seen, fix=fix)]
    url, repository, token = settings.github()
    with GitHubTransport(url, repository, token, ANSWER_SECONDS) as transport:
        branch = GitHubReader(transport).default_branch()
    seen = f"{repository} is visible at {url}, its default branch is {branch}"
    return [Finding(part="github", sign=Sign.WELL, seen=seen)]


def _silences(settings: Settings) -> Sequence[Finding]:
    from cct_ops.clients import alertmanager

    url = settings.alertmanager_url
    if url is None:
        fix = "Set CCT_OPS_ALERTMANAGER_URL to have automation keep still where people silenced."
        seen = "CCT_OPS_ALERTMANAGER_URL is not set"
        return [Finding(part="silences", sign=Sign.UNSET, seen=seen, fix=fix)]
    alertmanager.silences(str(url), settings.request_timeout_seconds)
    seen = f"the silences of {url} can be read"
    return [Finding(part="silences", sign=Sign.WELL, seen=seen)]
