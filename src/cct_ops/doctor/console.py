"""``cct-ops doctor``: runs all checks at once, and shows one line for each result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from itertools import chain

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from cct_ops.doctor import (
    board,
    cct,
    contacts,
    files,
    ledger_base,
    life,
    links,
    outside,
    prefect_server,
    record,
    rota,
    streams,
)
from cct_ops.doctor.check import Check, Result, Sign
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.redaction import BLOT, redact
from cct_ops.settings import Settings
from cct_ops.terminal import say_json, visible

_STYLES = {Sign.WELL: "green", Sign.LIMITED: "yellow", Sign.UNSET: "dim", Sign.BROKEN: "bold red"}
# Anything shorter is found in ordinary words, too.
_SECRET_LETTERS = 6


def show(*, send: bool, as_json: bool = False) -> int:
    """Show each result; 1 if something that is set up does not work."""
    console = Console(soft_wrap=True, highlight=False)
    found: list[Result] = []
    for result in _results(send=send):
        found.append(result)
        if not as_json:
            _print(console, result)
    if as_json:
        say_json([each._asdict() | {"state": each.sign.name} for each in found])
    return 1 if any(result.sign is Sign.BROKEN for result in found) else 0


def _results(*, send: bool) -> Iterator[Result]:
    """Look at everything at the same time, and yield what is found, without a secret in it."""
    try:
        settings = Settings.load()
    except BadConfiguration as error:
        fix = "Correct that variable: nothing else was looked at."
        yield Result("settings", Sign.BROKEN, redact(str(error)), fix)
        return
    # Before the threads: several that import it at once wait for each other in vain.
    import prefect.client.orchestration  # noqa: F401

    secrets = tuple(_secrets(settings))
    checks = _checks(send=send)
    with ThreadPoolExecutor(max_workers=len(checks)) as pool:
        # Prefect keeps its settings in the context, which threads do not inherit.
        looks = [pool.submit(copy_context().run, _look, check, settings) for check in checks]
        for result in chain.from_iterable(look.result() for look in looks):
            seen = redact(result.seen.rstrip("."))
            for secret in secrets:
                seen = seen.replace(secret, BLOT)
            yield result._replace(seen=seen)


def _checks(*, send: bool) -> Sequence[Check]:
    readable = Result("settings", Sign.WELL, "every setting in the environment can be read")
    line = "Correct the line that is named."
    return (
        Check("settings", lambda _: [readable], ""),
        Check("sources", files.sources, line),
        Check("routes", files.routes, line),
        Check("policy", files.policy, line),
        Check("approvers", files.approvers, line),
        Check("contacts", contacts.look, line),
        Check("rota", rota.look, line),
        Check("outside", contacts.outside, contacts.SET_HEARTBEAT),
        Check("cct", cct.look, "Correct CCT_URL and X_API_KEY, or start CCT."),
        Check(
            "prefect",
            prefect_server.look,
            "Start Prefect, or correct PREFECT_API_URL and its credentials.",
        ),
        Check("ledger", ledger_base.look, "Start PostgreSQL, or correct CCT_OPS_DATABASE_URL."),
        Check("life", life.look, "Start PostgreSQL, or correct CCT_OPS_DATABASE_URL."),
        Check("log", record.look, "Correct CCT_OPS_RECORD_PATH, or what is named."),
        Check("streams", streams.look, "Correct what is named under audit in the policy."),
        Check("links", links.look, ""),
        Check("board", board.look, "Correct the file of CCT_OPS_BOARD_PATH, or what it names."),
        Check(
            "slack",
            partial(outside.slack, send=send),
            "Copy the webhook's address from Slack to SLACK_WEBHOOK_URL again.",
        ),
        Check(
            "slack-bot",
            partial(outside.slack_bot, send=send),
            "Correct SLACK_BOT_TOKEN and CCT_OPS_SLACK_CHANNEL, and invite the bot there.",
        ),
        Check(
            "github",
            outside.github,
            "Correct GH_TOKEN and GITHUB_REPOSITORY: the token must see that repository.",
        ),
        Check(
            "silences",
            outside.silences,
            "Start Alertmanager or correct CCT_OPS_ALERTMANAGER_URL; an authority of your own"
            " stands in SSL_CERT_FILE. Every change is blocked while its silences cannot be read.",
        ),
    )


def _look(check: Check, settings: Settings) -> Sequence[Result]:
    try:
        return list(check.look(settings))
    except OpsError as error:
        return [Result(check.part, Sign.BROKEN, str(error), check.fix)]


def _print(console: Console, result: Result) -> None:
    seen = visible(result.seen.rstrip("."))
    line = Text.assemble((f"{result.sign} ", _STYLES[result.sign]), f"{result.part:<12}{seen}.")
    if result.fix:
        line.append(
            f" {visible(result.fix)}", style="bold" if result.sign is Sign.BROKEN else "dim"
        )
    console.print(line)


def _secrets(settings: Settings) -> Iterator[str]:
    """Yield what must not be shown, wherever it comes from."""
    for _, value in settings:
        if isinstance(value, SecretStr) and len(value.get_secret_value()) >= _SECRET_LETTERS:
            yield value.get_secret_value()
