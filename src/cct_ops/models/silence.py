"""Silences of Alertmanager: somebody works on what these labels are about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, TypeAdapter, ValidationError, model_validator

from cct_ops.models import expression
from cct_ops.models.base import Frozen

Operator = Literal["=", "!=", "=~", "!~"]


class Matcher(Frozen):
    """A label's value, or a regular expression of RE2 for all of it; a missing label is empty."""

    label: str
    operator: Operator
    value: str

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if not self.label:
            raise ValueError("a matcher without the name of a label")
        if self.operator in {"=~", "!~"}:
            expression.check(self.value)
        return self

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the labels fulfil it."""
        value = labels.get(self.label, "")
        if self.operator in {"=", "!="}:
            found = value == self.value
        else:
            found = expression.matches(self.value, value)
        return found is not self.operator.startswith("!")


_MOMENT = TypeAdapter(AwareDatetime)
_OVER_OR_NOT_YET = frozenset({"expired", "pending"})
_OPERATORS: dict[tuple[bool, bool], Operator] = {
    (False, True): "=",
    (False, False): "!=",
    (True, True): "=~",
    (True, False): "!~",
}


class Silence(Frozen):
    """
    A silence that counts now.

    ``unreadable`` says what of it could not be read. Such a silence may be about everything that
    the rest of it does not rule out.
    """

    id: str
    matchers: tuple[Matcher, ...]
    ends_at: datetime | None
    created_by: str
    comment: str
    unreadable: str | None = None

    @classmethod
    def of(cls, found: object) -> Self | None:
        """Read it as Alertmanager's API shows it; None for one that is over or not begun."""
        known: Mapping[str, Any] = found if isinstance(found, dict) else {}
        status = known.get("status")
        state = status.get("state") if isinstance(status, dict) else None
        if isinstance(state, str) and state in _OVER_OR_NOT_YET:
            return None
        problems = [] if state == "active" else ["its state is not known"]
        listed = known.get("matchers")
        matchers = []
        if not isinstance(listed, list) or not listed:
            problems.append("it has no list of matchers")
        else:
            for each in listed:
                try:
                    matchers.append(_matcher(each))
                except ValueError as error:
                    problems.append(str(error))
        return cls(
            id=_text(known.get("id"), "without an id"),
            matchers=tuple(matchers),
            ends_at=_moment(known.get("endsAt")),
            created_by=_text(known.get("createdBy"), "somebody"),
            comment=_text(known.get("comment"), "no comment"),
            unreadable="; ".join(problems) or None,
        )

    def covers(self, labels: Mapping[str, str]) -> bool:
        """Return whether it is about these labels, or may be: all that can be read of it holds."""
        return all(each.matches(labels) for each in self.matchers)


def _matcher(found: object) -> Matcher:
    """Read one condition; raises ``ValueError`` with the reason. Newer versions add members."""
    match {"isEqual": True, **found} if isinstance(found, dict) else found:
        case {
            "name": str(name),
            "value": str(value),
            "isRegex": bool(is_regex),
            "isEqual": bool(is_equal),  # which versions before 0.22 leave out
        }:
            operator = _OPERATORS[is_regex, is_equal]
        case _:
            raise ValueError("a matcher has another form than we know")
    try:
        return Matcher(label=name, operator=operator, value=value)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"the matcher of {name!r} is {said}") from None


def _text(found: object, otherwise: str) -> str:
    return found if isinstance(found, str) and found else otherwise


def _moment(found: object) -> datetime | None:
    try:
        return _MOMENT.validate_python(found)
    except ValidationError:
        return None
