"""
Our YAML files, read into models; whatever is wrong with one is said with its file and line.

What a file says is never repeated in an error: it could be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from cct_ops.errors import BadConfiguration

Model = TypeVar("Model", bound=BaseModel)
Step = int | str

DEEPEST = 50
"""Our own files nest seven deep. PyYAML's time grows with the square of the depth."""


class _Shallow(yaml.SafeLoader):
    """Stops at the depth that no honest file has, before the time for it is spent."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise RecursionError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def load(path: Path, model: type[Model]) -> Model:
    """Return the file as a ``model``; raises ``BadConfiguration`` that names every wrong line."""
    root, content = _parse(path)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{path}:{_line(root, problem['loc'])}: {_sentence(problem['loc'], problem['msg'])}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise BadConfiguration(f"{problems}.") from None


def place(path: Path, *steps: Step) -> str:
    """Return ``file:line`` of what is found by these keys and indexes, for errors found later."""
    return f"{path}:{_line(_parse(path)[0], steps)}"


def _parse(path: Path) -> tuple[yaml.Node | None, object]:
    """Read the file once as a tree with line numbers, and once as plain values."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: is not UTF-8 text, from byte {error.start} on.") from error
    try:
        loader = _Shallow(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _refuse_repeated_keys(path, root)
        return root, loader.construct_document(root)
    except RecursionError:
        raise BadConfiguration(f"{path}: is nested too deeply.") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise BadConfiguration(
            f"{path}:{line}: has a character that YAML does not allow."
        ) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadConfiguration(f"{path}:{line}: not valid YAML: {error.problem}.") from None
    except (yaml.YAMLError, ValueError) as error:
        raise BadConfiguration(f"{path}: not valid YAML: {error}.") from None


def _refuse_repeated_keys(path: Path, root: yaml.Node) -> None:
    """YAML lets the last of two equal keys win silently; here that would be a lost rule."""
    looked_at: set[int] = set()  # an alias is the same node once more, and may hold itself
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:
            continue
        looked_at.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        if isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, value in node.value:
                line = key.start_mark.line + 1
                if not isinstance(key, yaml.ScalarNode):
                    raise BadConfiguration(f"{path}:{line}: a name must be plain text.")
                if key.value in seen:
                    raise BadConfiguration(f"{path}:{line}: {key.value!r} is there twice.")
                seen.add(key.value)
                waiting.append(value)


def _line(root: yaml.Node | None, steps: Sequence[Step]) -> int:
    """Follow the steps as far as the file goes; pydantic's own (a union's branch) lead nowhere."""
    if root is None:
        return 1
    node, mark = root, root.start_mark
    for step in steps:
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            mark = node.start_mark
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    node, mark = value, key.start_mark
                    break
    return int(mark.line) + 1


def _sentence(steps: Sequence[Step], message: str) -> str:
    """Put the place in the document before pydantic's words for what is wrong there."""
    where = ".".join(str(step) for step in steps)
    what = message.removeprefix("Value error, ").rstrip(".")
    return f"{where}: {what}" if where else what
