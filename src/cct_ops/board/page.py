"""The nouns of which the board is made: a page, what can be done on it, who looks, and at what."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from pydantic import SecretStr

from cct_ops.board.deployments import Deployments
from cct_ops.config import contacts, sign_in, yaml_files
from cct_ops.config.approvers import Approvers
from cct_ops.config.contacts import Contacts
from cct_ops.config.sign_in import SignIn
from cct_ops.errors import BadConfiguration, OpsError
from cct_ops.ledger.people.sign_ins import Session
from cct_ops.models.role import Role
from cct_ops.reports.links import newer_run_page
from cct_ops.settings import Settings
from cct_ops.variables import said

LONGEST_TEXT = 1000  # characters of what a person writes into a field

_Written = tuple[int, int, int]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Board:
    """What pages and actions work on: the ledger, and the files that people wrote."""

    engine: sa.Engine
    settings: Settings
    prefect: Deployments = field(default_factory=Deployments)

    def contacts(self) -> Contacts:
        """Return who is on call, and what the severities of alerts are called."""
        path = self.settings.contacts_path
        return _contacts(path, _written(path))

    def link_to_run(self, run_id: UUID) -> str | None:
        """Return the run's page in Prefect's UI; None where the board is not told where that is."""
        ui = self.settings.prefect_ui_url or said("PREFECT_UI_URL")
        return newer_run_page(str(ui), run_id) if ui else None

    def own_sandbox(self) -> str | None:
        """Return the sandbox that this stack runs in CCT's place; None where CCT is a real one."""
        own, cct = said("CCT_OPS_SANDBOX_URL"), self.settings.cct_url
        is_cct = own is not None and cct is not None and own.rstrip("/") == str(cct).rstrip("/")
        return own if is_cct else None

    def approvers(self) -> Approvers | None:
        """Return the allow-list as it is now; None where there is none."""
        path = self.settings.approvers_path
        return _approvers(path, _written(path))

    def sign_in_by_oidc(self) -> SignIn | None:
        """Return how people sign in by OIDC, as the file says it now; None where they do not."""
        named = "board_path" in self.settings.model_fields_set
        path = self.settings.board_path
        return _sign_in(path, named, _written(path))

    def provider_s_host(self) -> str:
        """Return the provider that a stranger is offered; nothing where there is none."""
        try:
            found = self.sign_in_by_oidc()
        except OpsError as error:
            log.error("nobody can sign in by OIDC: %s", error)  # noqa: TRY400 -- a file of ours
            return ""
        return found.host if found else ""


class Asked(NamedTuple):
    """What a page is asked for: its address in parts, which are the whole difference."""

    places: tuple[tuple[str, str], ...] = ()
    filters: tuple[tuple[str, str], ...] = ()

    def place(self, name: str) -> UUID:
        """Return the id in the path; raises ``NoSuchPage`` where it is none."""
        try:
            return UUID(dict(self.places)[name])
        except ValueError:
            raise NoSuchPage from None

    def filter(self, name: str) -> str | None:
        """Return what a filter is set to; None where it is not, or to nothing."""
        return dict(self.filters).get(name) or None


class NoSuchPage(Exception):
    """There is nothing at this address."""


class FillAgain(Exception):
    """A form that nothing was done on: its page is shown again with what was typed, and why."""

    def __init__(self, words: str, wrong: Mapping[str, str]) -> None:
        super().__init__(words)
        self.words = words
        self.wrong = wrong


class Done(NamedTuple):
    """What was done in one sentence, and where the person is led to see it."""

    words: str
    then: str


@dataclass(frozen=True)
class Visitor:
    """
    Who looks: a session, with the proof that a form of ours comes from it.

    A program with a token is one as well, which has no forms.
    """

    session: Session
    form_token: SecretStr
    way: str = "signed in on the board"

    @property
    def name(self) -> str:
        """The person."""
        return self.session.person

    @property
    def signature(self) -> str:
        """The person with the proof, for rows that have one place for both."""
        return f"{self.name}, {self.way}"

    def may(self, role: Role) -> bool:
        """True if the person may do what takes this role."""
        return self.session.role.covers(role)


@dataclass(frozen=True)
class Form:
    """What was sent with an action: the parts of its address, and what the person filled in."""

    places: Mapping[str, str]
    fields: Mapping[str, str]

    def id(self, name: str) -> UUID:
        """Return the id in the path; raises ``NoSuchPage`` where it is none."""
        try:
            return UUID(self.places[name])
        except ValueError:
            raise NoSuchPage from None

    @cached_property
    def once(self) -> UUID:
        """The id that the form brings, so that two clicks are one; without any a new one."""
        try:
            return UUID(self.optional("once"))
        except ValueError:
            return uuid4()

    def text(self, name: str, called: str) -> str:
        """Return what was filled in; raises ``BadConfiguration`` where that is nothing."""
        value = self.optional(name)
        if not value:
            raise BadConfiguration(f"Nothing was done: fill in {called}.")
        return value

    def optional(self, name: str) -> str:
        """Return what was filled in, on one line and without what nobody can see."""
        seen = "".join(char if char.isprintable() else " " for char in self.fields.get(name, ""))
        return " ".join(seen.split())[:LONGEST_TEXT]


@dataclass(frozen=True)
class Action:
    """
    Something that a person can do: the address that its form posts to, and the role it takes.

    ``do`` returns what was done in one sentence; whatever it refuses it raises as an ``OpsError``,
    or as ``FillAgain`` where the person can mend it on the page. ``seconds`` is how long its person
    waits for it at most.
    """

    path: str
    needs: Role
    do: Callable[[Board, Visitor, Form], str | Done]
    seconds: float = 10


@dataclass(frozen=True)
class Page:
    """
    One page: its address, how it is read, and what can be done on it.

    ``read`` depends on nothing but the ledger and what is asked for, so one reading does for
    everybody who looks at the same address. Its template is ``<name>.html.j2``. Where
    ``there`` says no, neither the page nor its actions exist.
    """

    name: str
    title: str
    path: str
    read: Callable[[Board, Asked], object]
    needs: Role = Role.VIEWER
    in_menu: bool = True
    has_news: bool = True
    """Without, a page is as of when it was loaded: one that takes long to read."""
    actions: tuple[Action, ...] = field(default=())
    there: Callable[[Board], bool] = lambda _board: True


def digest(said: object) -> str:
    """Return what two readings have in common if they say the same."""
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _written(path: Path) -> _Written | None:
    """Return what is another each time that the file was written; None where there is none."""
    if not path.is_file():
        return None
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


# Each file is read once for each time that it was written: every look at a page takes them.
@lru_cache(maxsize=2)
def _sign_in(path: Path, named: bool, _: _Written | None) -> SignIn | None:
    return sign_in.read(path, named=named)


@lru_cache(maxsize=2)
def _approvers(path: Path, written: _Written | None) -> Approvers | None:
    return yaml_files.load(path, Approvers) if written else None


@lru_cache(maxsize=2)
def _contacts(path: Path, _: _Written | None) -> Contacts:
    return contacts.read(path)
