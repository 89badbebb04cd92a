"""The text of a calendar: from a file, or from the address at which somebody serves it."""

from __future__ import annotations

import httpx

from cct_ops.clients.connection import authorities, proxy_for
from cct_ops.clients.deadline import answer_of
from cct_ops.config import contacts
from cct_ops.config.calendars import MOST_BYTES
from cct_ops.config.rota import CalendarPlace
from cct_ops.config.sign_in import may_be_asked
from cct_ops.errors import BadConfiguration, Rejected, Unavailable

SECONDS = 15.0


def text(place: CalendarPlace, *, seconds: float = SECONDS) -> str:
    """
    Return what a calendar says; one that is served has so many seconds to say it.

    Raises ``BadConfiguration`` where it is no text or nowhere, ``Unavailable`` without an answer,
    ``Rejected`` where its server refuses it.
    """
    raw = _file(place) if place.url is None else _served(place, seconds)
    if len(raw) > MOST_BYTES:
        raise BadConfiguration(f"{place.name}: larger than {MOST_BYTES // 1024 // 1024} MiB.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadConfiguration(f"{place.name}:{line}: is not UTF-8 text.") from None


def _file(place: CalendarPlace) -> bytes:
    try:
        if place.path is None or not place.path.is_file():
            raise BadConfiguration(f"{place.name}: there is no such file.")
        with place.path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadConfiguration(f"{place.name}: cannot be read: {error.strerror}.") from None


def _served(place: CalendarPlace, seconds: float) -> bytes:
    """Ask for it; its address is a secret, and no redirect is followed to another one."""
    if place.url is None:
        raise BadConfiguration(f"{place.name}: has no address.")
    url = contacts.address(place.url).get_secret_value()
    if not may_be_asked(url):
        raise BadConfiguration(f"What is in {place.url.name} is no https:// address.")
    try:
        with httpx.Client(
            verify=authorities(), proxy=proxy_for(url), timeout=seconds, trust_env=False
        ) as client:
            headers = {"Accept": "text/calendar"}
            status, raw = answer_of(client, "GET", url, seconds, MOST_BYTES + 1, headers=headers)
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        # Not its words, and not as the cause either: they can hold the address.
        raise Unavailable(f"No answer from {place.name}: {type(error).__name__}.") from None
    if status == 429 or status >= 500:
        raise Unavailable(f"{place.name} answered {status}.")
    if status != 200:
        raise Rejected(f"{place.name} answered {status}.", status=status)
    return raw
