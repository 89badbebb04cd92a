"""The steps of a Dockerfile, as far as ours has them; hadolint says whether all of it is sound."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

_NAME = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Step(NamedTuple):
    """One instruction with the text behind it."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The words of its text, whether it is written as JSON or not."""
        return list(map(str, json.loads(self.text))) if self.is_exec else shlex.split(self.text)

    @property
    def is_exec(self) -> bool:
        """Whether no shell is asked for."""
        return self.text.startswith("[")


def steps(path: Path) -> Iterator[Step]:
    """Yield the instructions from top to bottom, without comments."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, text = line.strip().partition(" ")
            yield Step(name, text.strip())


def stages(path: Path) -> Iterator[list[Step]]:
    """Yield the stages, each beginning with its FROM; what stands before the first is left out."""
    stage: list[Step] = []
    for step in steps(path):
        if step.name == "FROM":
            if stage:
                yield stage
            stage = []
        if stage or step.name == "FROM":
            stage.append(step)
    yield stage


def pairs(step: Step) -> Iterator[tuple[str, str]]:
    """Yield the names and values of an ENV."""
    for word in shlex.split(step.text):
        name, equals, value = word.partition("=")
        assert equals, f"ENV {word}: written without ="
        yield name, value


def filled_in(value: str, env: Mapping[str, str]) -> str:
    """Put the variables into a value, as a builder does."""
    return _NAME.sub(lambda found: env.get(found[1] or found[2], ""), value)
