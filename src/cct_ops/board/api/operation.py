"""The nouns of which the API is made: an operation, what it is asked, and a part of a list."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, TypeAdapter

from cct_ops.board.api.problem import misfit
from cct_ops.board.page import LONGEST_TEXT, Action, Asked, Board, FillAgain, Form, Page, Visitor
from cct_ops.models.base import Frozen
from cct_ops.models.role import Role

MOST = 200
_NONE: Mapping[str, str] = {}

Text = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=LONGEST_TEXT, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$"
    ),
]
"""What people are to read: on one line, and not nothing."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]


def _in_our_time(at: datetime) -> datetime:
    if not 1970 <= at.year < 3000:
        raise ValueError("must be between the years 1970 and 3000")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
"""With its offset, as RFC 3339 writes it."""

Hours = Literal[1, 2, 4, 8, 24]
"""For how long automation leaves a target alone."""


class Nothing(Frozen):
    """No parameters, or no body."""


class PartOf(Frozen):
    """Which part of a list."""

    limit: int = Field(50, ge=1, le=MOST, description="How many at most.")
    cursor: str | None = Field(
        None, max_length=400, description="Where to go on: `next` of the answer before."
    )


class Done(Frozen):
    """What was done."""

    done: str = Field(description="In one sentence, as the board says it.")
    run_id: UUID | None = Field(None, description="The run in Prefect that was asked for.")
    page: str | None = Field(None, description="Where people see it on the board.")


@dataclass(frozen=True)
class Call:
    """One request, read and found to be in order."""

    board: Board
    visitor: Visitor
    places: Mapping[str, str]
    query: Any
    body: Any
    key: str | None

    def asked(self) -> Asked:
        """Return it as a page is asked."""
        return Asked(tuple(sorted(self.places.items())))

    def id(self, name: str) -> UUID:
        """Return the id in the path; raises ``NoSuchPage`` where it is none."""
        return self.asked().place(name)

    def page(self, path: str) -> str:
        """Return the address of a page of the board, as people reach it."""
        return f"{self.board.settings.board_links()}{path}"

    @property
    def once(self) -> str:
        """The id by which an action knows the same write again; nothing without a key."""
        return str(uuid5(self.visitor.session.id, self.key)) if self.key else ""

    def act(
        self, action: Action, fields: Mapping[str, str] = _NONE, called: Mapping[str, str] = _NONE
    ) -> str:
        """
        Do what the form of a page does; returns what was done in one sentence.

        ``called`` is what fields of the form are called in the body.
        """
        try:
            did = action.do(self.board, self.visitor, Form(self.places, fields))
        except FillAgain as again:
            wrong = {called.get(name, name): words for name, words in again.wrong.items()}
            raise FillAgain(again.words, wrong) from again
        return did if isinstance(did, str) else did.words


@dataclass(frozen=True)
class Operation:
    """
    One thing that a program can ask for: where, as what, in which shape, and what it gets.

    ``do`` returns the answer; whatever it refuses it raises as the actions of pages do.
    """

    method: Literal["get", "post"]
    path: str
    name: str
    tag: str
    summary: str
    do: Callable[[Call], Frozen]
    answer: type[Frozen]
    needs: Role = Role.VIEWER
    query: type[Frozen] = Nothing
    body: type[Frozen] = Nothing
    more: str = ""
    seconds: float = 10


def action(page: Page, path: str) -> Action:
    """Return the action of a page whose form posts there."""
    return next(each for each in page.actions if each.path == path)


def cursor(*parts: datetime | UUID | int) -> str:
    """Return a place in a list as programs carry it: nothing that they should look into."""
    plain = [
        each.astimezone(UTC).isoformat() if isinstance(each, datetime) else str(each)
        for each in parts
    ]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).rstrip(b"=").decode()


def place(text: str | None, kinds: type[Any]) -> Any:
    """Return the place that a cursor names; None without one. Raises ``Refusal`` for no cursor."""
    if text is None:
        return None
    try:
        decoded = base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4))
        return TypeAdapter(kinds).validate_python(json.loads(decoded))
    except (ValueError, RecursionError):
        words = "It is none of ours: take `next` of the answer before, as it is"
        raise misfit(words, "query.cursor") from None
