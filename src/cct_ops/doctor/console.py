"""``cct-ops doctor``: runs all checks at once, and shows one line for each finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from pydantic import SecretStr
from rich.console import Console
from rich.text import Text

from cct_ops.doctor import cct, contacts, files, ledger_base, links, outside, prefect_server
from cct_ops.doctor.finding import Check, Finding, Sign
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.redaction import BLOT, redact
from cct_ops.settings import Settings
from cct_ops.terminal import say_json, visible

_STYLES = {Sign.WELL: "green", Sign.LIMITED: "yellow", Sign.UNSET: "dim", Sign.BROKEN: "bold red"}
# Anything shorter is found in ordinary words, too.
_SECRET_LETTERS = 6


def show(*, send: bool, as_json: bool = False) -> int:
    """Show each finding; 1 if something that is set up does not work."""
    console = Console(soft_wrap=True, highlight=False)
    found: list[Finding] = []
    for finding in _findings(send=send):
        found.append(finding)
        if not as_json:
            _print(console, finding)
    if as_json:
        say_json([each.model_dump(mode="json") | {"state": each.sign.name} for each in found])
    return 1 if any(finding.sign is Sign.BROKEN for finding in found) else 0


def _findings(*, send: bool) -> Iterator[Finding]:
    """Yield what is found, without a secret in it."""
    try:
        settings = Settings.load()
    except BadConfiguration as error:
        fix = "Correct that variable: nothing else was looked at."
        yield Finding(part="settings", sign=Sign.BROKEN, seen=redact(str(error)), fix=fix)
        return
    # Before the threads: several that import it at once wait for each other in vain.
    import prefect.client.orchestration  # noqa: F401

    secrets = tuple(_secrets(settings))
    for finding in examine(_checks(settings, send=send)):
        seen = redact(finding.seen.rstrip("."))
        for secret in secrets:
            seen = seen.replace(secret, BLOT)
        yield finding.model_copy(update={"seen": seen})


def examine(checks: Iterable[Check]) -> Iterator[Finding]:
    """Look at everything at the same time; findings come in the order of the checks."""
    wanted = list(checks)
    with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
        # Prefect keeps its settings in the context, which threads do not inherit.
        looks = [pool.submit(copy_context().run, _look, check) for check in wanted]
        for look in looks:
            yield from look.result()


def _checks(settings: Settings, *, send: bool) -> Iterator[Check]:
    seen = Finding(
        part="settings", sign=Sign.WELL, seen="every setting in the environment can be read"
    )
    yield Check("settings", lambda: [seen], "")
    yield from files.checks(settings)
    yield from contacts.checks(settings)
    yield from cct.checks(settings)
    yield from prefect_server.checks()
    yield from ledger_base.checks(settings)
    yield from links.checks(settings)
    yield from outside.checks(settings, send=send)


def _look(check: Check) -> Iterable[Finding]:
    try:
        return check.look()
    except OpsError as error:
        return [Finding(part=check.part, sign=Sign.BROKEN, seen=str(error), fix=check.fix)]


def _print(console: Console, finding: Finding) -> None:
    seen = visible(finding.seen.rstrip("."))
    line = Text.assemble((f"{finding.sign} ", _STYLES[finding.sign]), f"{finding.part:<12}{seen}.")
    if finding.fix:
        line.append(
            f" {visible(finding.fix)}", style="bold" if finding.sign is Sign.BROKEN else "dim"
        )
    console.print(line)


def _secrets(settings: Settings) -> Iterator[str]:
    """Yield what must not be shown, wherever it comes from."""
    for _, value in settings:
        if isinstance(value, SecretStr) and len(value.get_secret_value()) >= _SECRET_LETTERS:
            yield value.get_secret_value()
