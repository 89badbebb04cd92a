"""
A history: what came in, what runs did about it, and what people stopped, as one file of JSON lines.

Its first line is a ``Header``. Switches, holds, runs and what was open at the beginning follow, and
the deliveries come last, by the moment at which they first came.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen, first_problem
from cct_ops.models.plan import Plan
from cct_ops.models.run import Outcome, Severity

FORMAT = 1
"""The form of histories and of results: a release that writes another cannot be compared with."""


class Header(Frozen):
    """The form of the file, and from when until when it reaches."""

    kind: Literal["history"] = "history"
    format: int
    since: AwareDatetime
    until: AwareDatetime


class Switched(Frozen):
    """The kill switch, from this moment on."""

    kind: Literal["switch"] = "switch"
    at: AwareDatetime
    stopped: bool
    reason: str = "-"
    person: str = "-"


class Held(Frozen):
    """A target that a person had taken over, until the hold ended or was released."""

    kind: Literal["hold"] = "hold"
    at: AwareDatetime
    target: str
    until: AwareDatetime
    reason: str = "-"
    person: str = "-"


class RunOfThen(Frozen):
    """
    What one run really did: the plan that it came to, and how that ended.

    ``decided_at`` are all moments at which the gate decided about it, the first of them about
    ``plan``; without a plan nothing was to be changed. ``guard`` stopped it. ``approved`` is the
    answer of so many ``persons``, None where none was asked or none had answered. ``over_at`` is
    when its change counts as over where it never ended. ``refused`` says that CCT refused all of
    it. ``for_alert`` says that routes gave it to an incident that opened in this history: without
    that it happens whatever the rules are.
    """

    kind: Literal["run"] = "run"
    id: UUID
    at: AwareDatetime
    playbook: str
    target: str
    incident: UUID | None = None
    for_alert: bool = False
    decided_at: tuple[AwareDatetime, ...] = ()
    plan: Plan | None = None
    severity: Severity | None = None
    verdict: str | None = None
    guard: str | None = None
    approved: bool | None = None
    persons: int = 0
    permitted_at: AwareDatetime | None = None
    calls: int = 0
    over_at: AwareDatetime | None = None
    outcome: Outcome | None = None
    finished_at: AwareDatetime | None = None
    held: bool = False
    refused: bool = False
    undo_failed_at: AwareDatetime | None = None


class Open(Frozen):
    """An incident that was there when the history begins, or was over not long before."""

    kind: Literal["open"] = "open"
    at: AwareDatetime
    source: str
    key: str
    incident: UUID
    number: int
    starts_at: AwareDatetime
    last_seen_at: AwareDatetime
    reporters: tuple[str, ...] = ()
    closed_as: str | None = None
    ends_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None


class Opened(Frozen):
    """An incident that a delivery really opened, and what it was about."""

    key: str
    incident: UUID


class Delivered(Frozen):
    """
    One delivery and the moments at which its body is known to have come.

    ``copies`` counts all times; of those between the first and the last the moments are not known.
    The body is text, or base64 where it is none; neither where it was deleted.
    """

    kind: Literal["delivery"] = "delivery"
    id: UUID
    at: tuple[AwareDatetime, ...] = Field(min_length=1)
    source: str
    body: str | None = None
    body_base64: str | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    sender_id: str = ""
    admitted_by: str | None = None
    copies: int = 1
    opened: tuple[Opened, ...] = ()

    @property
    def content(self) -> bytes | None:
        """The bytes of the body."""
        if self.body_base64 is not None:
            return b64decode(self.body_base64)
        return None if self.body is None else self.body.encode()


Line = Annotated[
    Header | Switched | Held | RunOfThen | Open | Delivered, Field(discriminator="kind")
]

_LINE: TypeAdapter[Line] = TypeAdapter(Line)
_ORDER = (Header, Switched, Held, RunOfThen, Open, Delivered)


def body_of(content: bytes | None) -> dict[str, str]:
    """Return the fields that hold these bytes."""
    if content is None:
        return {}
    try:
        return {"body": content.decode()}
    except UnicodeDecodeError:
        return {"body_base64": b64encode(content).decode("ascii")}


def written(line: Line) -> str:
    """Return the line as it stands in a file; what has its usual value is left out."""
    usual = {
        name
        for name, each in type(line).model_fields.items()
        if getattr(line, name) == each.default
    }
    said = line.model_dump(mode="json", exclude=usual)
    return json.dumps({"kind": line.kind, **said}, ensure_ascii=False) + "\n"


def write(path: Path, lines: Iterable[Line]) -> int:
    """Write a history to a file, whole or not at all; returns its number of deliveries."""
    draft = path.parent / f"{path.name}.new"
    count = 0
    try:
        if path.exists() and not path.is_file():  # the draft would take the place of a device
            raise BadConfiguration(f"{path}: cannot be written: it is there and is no file.")
        with draft.open("w", encoding="utf-8") as file:
            try:
                for line in lines:
                    file.write(written(line))
                    count += isinstance(line, Delivered)
                file.close()
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be written: {error.strerror}.") from error
    return count


def read(path: Path) -> Iterator[Line]:
    """Yield the lines of a file; raises ``BadConfiguration`` with the number of a wrong one."""
    try:
        with path.open("rb") as file:
            yield from _checked(path, file)
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error


def _checked(path: Path, lines: Iterable[bytes]) -> Iterator[Line]:
    rank, latest = -1, datetime.min.replace(tzinfo=UTC)
    for number, text in enumerate(lines, start=1):
        place = f"{path}:{number}"
        try:
            line = _LINE.validate_json(text)
        except ValidationError as error:
            raise BadConfiguration(
                f"{place}: is no line of a history: {first_problem(error).removeprefix(': ')}."
            ) from None
        if (number == 1) is not isinstance(line, Header):
            raise BadConfiguration(f"{place}: a history begins with one line of kind history.")
        if isinstance(line, Header) and line.format != FORMAT:
            raise BadConfiguration(
                f"{place}: is of form {line.format}, and this release reads form {FORMAT}."
            )
        place_of = _ORDER.index(type(line))
        if place_of < rank:
            raise BadConfiguration(f"{place}: a line of kind {line.kind} stands too late.")
        rank = place_of
        if isinstance(line, Delivered):
            if line.at[0] < latest:
                raise BadConfiguration(f"{place}: came before the delivery on the line above it.")
            latest = line.at[0]
        yield line
    if rank < 0:
        raise BadConfiguration(f"{path}: is empty: a history begins with one line of kind history.")
