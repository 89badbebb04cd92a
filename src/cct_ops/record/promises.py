"""What people type about a follow-up, read in one way: what is to be done, whose, and by when."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

from cct_ops.clients.text import one_line
from cct_ops.config import contacts, yaml_files
from cct_ops.config.approvers import Approvers
from cct_ops.errors import BadConfiguration
from cct_ops.models.follow_up import LONGEST_OWNER, LONGEST_TEXT

_LONGEST_SPAN = 3660


def text(typed: str, what: str = "follow-up") -> str:
    """Return it on one line; raises ``BadConfiguration`` where it is none or too long."""
    line = one_line(typed)
    if not line or len(line) > LONGEST_TEXT:
        raise BadConfiguration(f"say the {what} in 1 to {LONGEST_TEXT} characters")
    return line


def owner(name: str) -> str:
    """Return the name as it is, on one line; raises ``BadConfiguration`` where it is none."""
    line = one_line(name)
    if not line or len(line) > LONGEST_OWNER:
        raise BadConfiguration(f"name an owner in 1 to {LONGEST_OWNER} characters")
    return line


def known_owner(name: str, approvers_path: Path, contacts_path: Path) -> str | None:
    """Return the id of the contact or approver of this name, None where there is none."""
    line = owner(name)
    for approver in yaml_files.load(approvers_path, Approvers).approvers:
        if approver.is_called(line):
            return approver.id
    ids = {each.id for each in contacts.read(contacts_path).contacts}
    return line.casefold() if line.casefold() in ids else None


def due(typed: str, today: date, *, called: str = "") -> date:
    """
    Return the day that is meant; raises ``BadConfiguration`` for one that is none or over.

    ``called`` is what the reader calls the place in which it was typed.
    """
    span = re.fullmatch(r"([0-9]{1,4})([dw])", typed.strip())
    try:
        if span:
            days = int(span[1]) * (7 if span[2] == "w" else 1)
            day = today + timedelta(days=days)
        else:
            day = date.fromisoformat(typed.strip())
    except ValueError:
        wanted = "write 2026-12-24, 14d or 2w"
        raise BadConfiguration(f"{called}{typed!r} is no day: {wanted}") from None
    if day < today:
        raise BadConfiguration(f"{called}{day} is over: today is {today}, in UTC")
    if (day - today).days > _LONGEST_SPAN:
        raise BadConfiguration(f"{called}{day} is more than ten years away")
    return day
