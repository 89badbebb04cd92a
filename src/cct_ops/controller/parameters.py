"""
From a label to a parameter of a playbook.

Labels are text that others may influence. What reaches Prefect is a plain scalar of a declared
type; whatever does not convert is passed on in no form. A value that stands in routes.yaml itself
is checked when that is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from cct_ops.models import expression
from cct_ops.models.base import Frozen
from cct_ops.models.cct import Route

MAX_LENGTH = 200
MAX_DIGITS = 18


class Unfit(ValueError):
    """A label has no value that the playbook may be given; the message names the label."""


class _Parameter(Frozen):
    """
    The part that all types of parameters share: a constant ``value``, or a ``label`` to read.

    ``pattern`` is an expression of RE2 that all of the label has to fulfil. With a group in
    parentheses, what that group holds is the value; (?:...) only holds together.
    """

    value: Any = None
    label: str | None = Field(None, min_length=1)
    pattern: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.label is None) == (self.constant is None):
            raise ValueError("say where it comes from: either label: or value:")
        if self.label is None and self.pattern is not None:
            raise ValueError("a value: is as it stands: pattern: belongs to a label:")
        if self.pattern is not None and expression.groups(self.pattern) > 1:
            raise ValueError(
                "pattern has more than one group: write (?:...) around all but what is wanted"
            )
        return self

    @property
    def constant(self) -> str | int | None:
        """The value that stands in the file, None where it comes from a label."""
        fixed: str | int | None = self.value
        return fixed

    def convert(self, labels: Mapping[str, str]) -> str | int:
        """Return the value for a run; raises ``Unfit`` where the label has none."""
        return self._read(self._taken(labels)) if self.constant is None else self.constant

    def _read(self, taken: str) -> str | int:
        """Return what a label's text stands for; raises ``Unfit`` for what is of no use."""
        raise NotImplementedError

    def _taken(self, labels: Mapping[str, str]) -> str:
        """Return the label's value, or the part of it that the pattern's group holds."""
        found = labels.get(self.label or "")
        if found is None:
            raise Unfit(f"there is no label {self.label}")
        if self.pattern is None:
            return found
        taken = expression.taken(self.pattern, found)
        if taken is None:
            raise Unfit(f"label {self.label} does not have the prescribed form")
        return taken


class RouteParameter(_Parameter):
    """One of the routes that CCT has."""

    type: Literal["route"]
    value: Route | None = None

    @property
    def constant(self) -> str | int | None:
        """The path of the route that stands in the file."""
        return None if self.value is None else self.value.value

    def _read(self, taken: str) -> str:
        try:
            return Route(taken).value
        except ValueError:
            raise Unfit(f"label {self.label} is not a route of CCT") from None


class StringParameter(_Parameter):
    """A short string: one that stands in the file, or a label's in a prescribed form."""

    type: Literal["string"]
    value: str | None = Field(None, strict=True, min_length=1, max_length=MAX_LENGTH)
    max_length: int = Field(MAX_LENGTH, ge=1, le=MAX_LENGTH)

    @model_validator(mode="after")
    def _prescribed(self) -> Self:
        if self.label is not None and self.pattern is None:
            raise ValueError("pattern: is missing: say what form the label must have")
        if self.value is not None and not self.value.isprintable():
            raise ValueError("value: has characters that cannot be shown")
        return self

    def _read(self, taken: str) -> str:
        if len(taken) > self.max_length:
            raise Unfit(f"label {self.label} is longer than {self.max_length} characters")
        return taken


class IntegerParameter(_Parameter):
    """A whole number: one that stands in the file, or a label's within bounds."""

    type: Literal["integer"]
    value: int | None = Field(None, strict=True)
    minimum: int | None = None
    maximum: int | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.label is not None and (self.minimum is None or self.maximum is None):
            raise ValueError("minimum: and maximum: are missing: bound what the label may say")
        lowest, highest = self.minimum, self.maximum
        if lowest is not None and highest is not None and lowest > highest:
            raise ValueError("minimum: is larger than maximum:")
        if self.value is not None and not self._within(self.value):
            raise ValueError("value: is not between minimum: and maximum:")
        return self

    def _read(self, taken: str) -> int:
        if re.fullmatch(rf"-?[0-9]{{1,{MAX_DIGITS}}}", taken) is None:
            raise Unfit(f"label {self.label} is not a whole number")
        if not self._within(int(taken)):
            raise Unfit(f"label {self.label} is not between {self.minimum} and {self.maximum}")
        return int(taken)

    def _within(self, number: int) -> bool:
        above = self.minimum is None or number >= self.minimum
        return above and (self.maximum is None or number <= self.maximum)


def _typed(written: object) -> object:
    """Let a value that stands in the file say its type by itself."""
    if not isinstance(written, Mapping) or "type" in written or "value" not in written:
        return written
    value = written["value"]
    kind = "integer" if isinstance(value, int) and not isinstance(value, bool) else "string"
    return {**written, "type": kind}


Parameter = Annotated[
    Annotated[RouteParameter | StringParameter | IntegerParameter, Field(discriminator="type")],
    BeforeValidator(_typed),
]


def convert(parameters: Mapping[str, Parameter], labels: Mapping[str, str]) -> dict[str, str | int]:
    """Return all parameters of a rule; raises ``Unfit`` for the first that cannot be had."""
    return {name: each.convert(labels) for name, each in parameters.items()}
