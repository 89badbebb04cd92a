"""One condition on one label, with the meaning that Alertmanager gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

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
        """Tell whether the labels fulfil it."""
        value = labels.get(self.label, "")
        if self.operator in {"=", "!="}:
            found = value == self.value
        else:
            found = expression.matches(self.value, value)
        return found is not self.operator.startswith("!")
