"""Mount the approval page and Slack's buttons, as far as the settings allow."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from fastapi import FastAPI
from pydantic import SecretStr

from cct_ops.config import contacts, yaml_files
from cct_ops.config.approvers import Approver, Approvers
from cct_ops.config.secret_references import read_secret
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.approvals import links, routes, slack_buttons
from cct_ops.gateway.approvals.incident_buttons import IncidentButtons
from cct_ops.gateway.approvals.link_sender import LinkSender
from cct_ops.gateway.approvals.routes import ApprovalPage
from cct_ops.gateway.approvals.slack_buttons import Buttons
from cct_ops.ledger.gate import approver_ways
from cct_ops.people.notifier import Notifier
from cct_ops.settings import Settings

AGAIN_SECONDS = 5.0

log = logging.getLogger(__name__)


def mount_approvals(app: FastAPI, engine: sa.Engine, settings: Settings) -> LinkSender | None:
    """
    Add what the settings allow: the page behind links with a key, Slack's buttons with its secret.

    Returns the sender of links; None without a key. Raises ``BadConfiguration``.
    """
    ways = settings.approval_key_file, settings.slack_signing_secret
    if ways == (None, None) and not settings.approvers_path.is_file():
        return None
    approvers = yaml_files.load(settings.approvers_path, Approvers)
    webhooks = _webhooks(settings.approvers_path, approvers)
    missing = {each.id: _missing(each, each in webhooks, settings) for each in approvers.approvers}
    if not _recorded(engine, missing):
        threading.Thread(target=_record, args=(engine, missing), name="ways", daemon=True).start()
    if settings.slack_signing_secret is not None:
        secret = settings.slack_signing_secret
        if len(secret.get_secret_value().strip()) < links.MIN_KEY_BYTES:
            raise BadConfiguration("CCT_OPS_SLACK_SIGNING_SECRET is too short to be Slack's.")
        base = str(settings.slack_response_base)
        known = contacts.read(settings.contacts_path)
        incidents = IncidentButtons(engine, known, approvers, Notifier.of(engine, settings))
        buttons = Buttons(engine, approvers, secret, base, incidents)
        app.include_router(slack_buttons.router(buttons))
    if settings.approval_key_file is None:
        return None
    key = links.read_key(settings.approval_key_file)
    app.include_router(routes.router(ApprovalPage(engine, approvers, key)))
    return LinkSender(engine, key, settings.gateway_links(), webhooks)


@contextmanager
def sending(link_sender: LinkSender | None) -> Iterator[None]:
    """Send links for as long as the block lasts; a sender that dies takes the gateway with it."""
    if link_sender is None or not link_sender.webhooks:
        yield
        return
    stopping = threading.Event()

    def send() -> None:
        try:
            link_sender.run(stopping)
        finally:
            if not stopping.is_set():
                log.error("the sender of links died; the gateway stops")
                signal.raise_signal(signal.SIGTERM)

    thread = threading.Thread(target=send, name="approval links", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()


def _recorded(engine: sa.Engine, missing: Mapping[str, str | None]) -> bool:
    """Record who can be reached; False while the ledger is down: the gateway runs all the same."""
    try:
        approver_ways.record(engine, missing)
    except sa.exc.OperationalError as error:
        log.warning("who is reached is not written down yet: %s", type(error).__name__)
        return False
    return True


def _record(engine: sa.Engine, missing: Mapping[str, str | None]) -> None:
    while not _recorded(engine, missing):
        time.sleep(AGAIN_SECONDS)


def _missing(person: Approver, has_address: bool, settings: Settings) -> str | None:
    """Say what has to be set for a request to reach this person; None if one does."""
    wanted = []
    if person.webhook is not None:
        if has_address and settings.approval_key_file is not None:
            return None
        wanted.append("CCT_OPS_APPROVAL_KEY_FILE" if has_address else f"{person.webhook.name}")
    if person.slack_user_id is not None:
        if settings.slack_signing_secret is not None:
            return None
        wanted.append("CCT_OPS_SLACK_SIGNING_SECRET")
    return f"{' or '.join(wanted)} is not set for the gateway"


def _webhooks(path: Path, approvers: Approvers) -> dict[Approver, SecretStr]:
    """Return the addresses that are there; who has none gets no link, and that is said."""
    found: dict[Approver, SecretStr] = {}
    for index, person in enumerate(approvers.approvers):
        if person.webhook is None:
            continue
        place = yaml_files.place(path, "approvers", index, "webhook")
        name = person.webhook.name
        try:
            address = read_secret(person.webhook)
        except OSError as error:
            raise BadConfiguration(f"{place}: {name} cannot be read: {error.strerror}.") from None
        if address:
            found[person] = SecretStr(address)
        else:
            log.warning("%s: %s is not set, so %s gets no links", place, name, person.id)
    return found
