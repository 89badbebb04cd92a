"""
From a label to a parameter of a playbook.

Labels are text that others may influence. What reaches Prefect is a plain scalar of a declared
type; whatever does not convert is passed on in no form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cct_ops.models import expression
from cct_ops.models.base import Frozen
from cct_ops.models.cct import Route


class Unfit(ValueError):
    """A label has no value that the playbook may be given; the message names the label."""


class RouteParameter(Frozen):
    """One of the routes that CCT has."""

    type: Literal["route"]
    label: str

    def convert(self, value: str) -> str:
        """Return the route's path."""
        try:
            return Route(value).value
        except ValueError:
            raise Unfit(f"label {self.label} is not a route of CCT") from None


class StringParameter(Frozen):
    """A short string in a form that the rule prescribes: an expression of RE2 for all of it."""

    type: Literal["string"]
    label: str
    pattern: str
    max_length: int = Field(200, ge=1, le=200)

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        expression.check(self.pattern)
        return self

    def convert(self, value: str) -> str:
        """Return the value as it is, if all of it has the form."""
        if len(value) > self.max_length:
            raise Unfit(f"label {self.label} is longer than {self.max_length} characters")
        if not expression.matches(self.pattern, value):
            raise Unfit(f"label {self.label} does not have the prescribed form")
        return value


class IntegerParameter(Frozen):
    """A whole number within bounds."""

    type: Literal["integer"]
    label: str
    minimum: int
    maximum: int

    def convert(self, value: str) -> int:
        """Return the number."""
        if re.fullmatch(r"-?[0-9]{1,18}", value) is None:
            raise Unfit(f"label {self.label} is not a whole number")
        number = int(value)
        if not self.minimum <= number <= self.maximum:
            raise Unfit(f"label {self.label} is not between {self.minimum} and {self.maximum}")
        return number


Parameter = Annotated[
    RouteParameter | StringParameter | IntegerParameter, Field(discriminator="type")
]


def convert(parameters: Mapping[str, Parameter], labels: Mapping[str, str]) -> dict[str, str | int]:
    """Return all parameters of a rule; raises ``Unfit`` for the first that cannot be had."""
    return {name: each.convert(labels.get(each.label, "")) for name, each in parameters.items()}
