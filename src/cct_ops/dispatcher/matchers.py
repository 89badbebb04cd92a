"""Alertmanager's matchers: ``route=~"/.+"``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import model_validator

from cct_ops.models.base import Frozen

_FORM = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*')


class Matcher(Frozen):
    """One condition on one label; a label that is missing is the empty string."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, written: object) -> object:
        form = _FORM.fullmatch(written) if isinstance(written, str) else None
        if form is None:
            raise ValueError('write a matcher as label="value", with =, !=, =~ or !~')
        try:
            value = json.loads(form[3])
        except ValueError:
            raise ValueError("the value is not a string in double quotes") from None
        return {"label": form[1], "operator": form[2], "value": value}

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        if self.operator in {"=~", "!~"}:
            try:
                re.compile(self.value)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
        return self

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels fulfil it; a regular expression must match the whole value."""
        value = labels.get(self.label, "")
        if self.operator in {"=", "!="}:
            found = value == self.value
        else:
            found = re.fullmatch(self.value, value) is not None
        return found is not self.operator.startswith("!")
