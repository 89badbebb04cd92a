"""
The person on call, reached through Prefect's notification blocks or an address of their own.

Those who are on call at that moment are tried in their order until one is reached; that one could
not be is logged and kept. A page that reached nobody is tried again, from the first on.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa

from cct_ops.clients import webhook
from cct_ops.clients.connection import doubled
from cct_ops.config import contacts
from cct_ops.config.contacts import Contact, Contacts
from cct_ops.errors import BadConfiguration, OpsError, Rejected, Unavailable
from cct_ops.ledger import clock
from cct_ops.ledger.people import on_call, pages
from cct_ops.ledger.set_aside import border
from cct_ops.people.direct import Direct, Way
from cct_ops.people.metrics import PAGE_ATTEMPTS

if TYPE_CHECKING:
    from prefect.blocks.abstract import NotificationBlock

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
log = logging.getLogger(__name__)

# Apprise logs the addresses that it was given, and those of PagerDuty are keys.
_apprise = logging.getLogger("apprise")
_apprise.addHandler(logging.NullHandler())
_apprise.propagate = False


@dataclass(frozen=True)
class Pager:
    """Sends the pages that are due."""

    engine: sa.Engine
    contacts: Contacts
    direct: Direct = field(default_factory=Direct)

    def __call__(self) -> int:
        """Send what is due; returns how many pages reached somebody."""
        pages.settle(self.engine)
        reached = 0

        def send(page_id: UUID) -> None:
            nonlocal reached
            with pages.claimed(self.engine, page_id) as claimed_page:
                if claimed_page is not None:
                    reached += self._send(claimed_page)

        border(self.engine, "pages").each(pages.due(self.engine), str, send)
        return reached

    def _send(self, claimed_page: pages.ClaimedPage) -> bool:
        page = claimed_page.page
        for (who, way, send), why in self._ways(page):
            attempt = claimed_page.begun(who, way, why)
            if attempt is None:
                log.info("page %r goes no further: somebody has its incident", page.cause)
                return False
            try:
                send(page.subject, page.body)
            except OpsError as error:
                log.error("page %r did not reach %s: %s", page.cause, who, error)  # noqa: TRY400 -- an answer
                claimed_page.ended(attempt, who, str(error))
                PAGE_ATTEMPTS.labels("failed").inc()
            else:
                log.info("page %r reached %s by %s", page.cause, who, way)
                claimed_page.ended(attempt, who, None)
                PAGE_ATTEMPTS.labels("reached").inc()
                return True
        pause = doubled(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, page.attempts)
        claimed_page.postponed(pause)
        return False

    def _ways(self, page: pages.Page) -> Iterator[tuple[Way, str]]:
        """Yield whom to try, how and why: who is on call, or all ways to the one it is for."""
        if page.addressee is None:
            line = on_call.line(self.engine, self.contacts, clock.read(self.engine))
            for each in on_call.after(line, page.escalation_step):
                yield _way(each.contact), each.why
            return
        why = "it is for this person alone"
        for contact in self.contacts.contacts:
            if contact.id == page.addressee:
                yield _way(contact), why
        for way in self.direct.ways(page.addressee):
            yield way, why


def _way(contact: Contact) -> Way:
    return contact.id, contact.way, partial(reach, contact)


def reach(contact: Contact, subject: str, body: str) -> None:
    """Page one contact once; raises the error that says why it was not reached."""
    if contact.webhook is not None:
        url = contacts.address(contact.webhook)
        text = f"{subject}\n{body}"
        webhook.post(url, {"text": text}, whose=f"the webhook of {contact.id}")
        return
    name = contact.block or ""
    block = load(name)
    try:
        # Without this Prefect's blocks hide that Apprise could not deliver.
        with block.raise_on_failure():
            sent: object = block.notify(body, subject=subject)
            if inspect.iscoroutine(sent):
                asyncio.run(sent)
    except Exception as error:  # noqa: BLE001 -- a block may be anybody's; the next contact is tried
        raise Unavailable(f"Block {name} did not deliver: {_reason(error)}.") from None


def unreachable(known: Contacts) -> Iterator[tuple[Contact, OpsError]]:
    """Yield each contact that no page could reach today, and why; nothing is sent."""
    for contact in known.contacts:
        try:
            if contact.webhook is not None:
                contacts.address(contact.webhook)
            else:
                load(contact.block or "")
        except OpsError as error:
            yield contact, error


def look(known: Contacts) -> None:
    """Log who cannot be reached, before anybody has to be."""
    for contact, error in unreachable(known):
        log.warning("contact %s cannot be paged: %s", contact.id, error)


def load(name: str) -> NotificationBlock:
    """
    Load a notification block, as type/name.

    Raises ``BadConfiguration`` when there is none or it cannot notify, ``Unavailable`` without an
    answer from Prefect.
    """
    import httpx
    import prefect.blocks.notifications  # noqa: F401 -- makes their types known
    from prefect.blocks.abstract import NotificationBlock
    from prefect.blocks.core import Block
    from prefect.exceptions import ObjectNotFound
    from prefect.settings import PREFECT_API_URL

    if not PREFECT_API_URL.value():  # the client would start a server of its own
        raise Unavailable("No way into Prefect from here: PREFECT_API_URL is not set.")
    try:
        block = Block.load(name)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise Rejected(f"Prefect answered {status} about block {name}.", status=status) from None
    except httpx.HTTPError as error:
        raise Unavailable(f"No answer from Prefect: {type(error).__name__}.") from error
    except Exception as error:  # noqa: BLE001 -- a block may be anybody's, and break as it likes
        if isinstance(error.__cause__, ObjectNotFound):
            raise BadConfiguration(
                f"Prefect has no block {name}: make it in Prefect's UI, under Blocks."
            ) from None
        raise BadConfiguration(
            f"The block {name} cannot be loaded ({type(error).__name__}): fill it in again."
        ) from None
    if not isinstance(block, NotificationBlock):
        raise BadConfiguration(f"The block {name} cannot notify: take one that can.")
    return block


def _reason(error: Exception) -> str:
    """Say what a block's error means, without its words: they can hold the address."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"it was answered {status}" if status is not None else type(error).__name__
