"""
Our YAML files, read into models; whatever is wrong with one is said with its file and line.

What a file says is never repeated in an error: it could be a secret in the wrong place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from cct_ops.config.versions import Versioned
from cct_ops.errors import BadConfiguration

Model = TypeVar("Model", bound=BaseModel)
Step = int | str

DEEPEST = 50
"""Our own files nest seven deep. PyYAML's time grows with the square of the depth."""


# Plain words that YAML 1.1, which is what is read here, takes for a number or a truth value, and
# YAML 1.2, which is what most people and editors know, for another one or for text.
_SURPRISES = {
    r"(?i:yes|no|on|off)": "write true or false, or put the word in quotes",
    r"[-+]?0[0-9_]+": "a number that begins with 0 is octal to some: leave the 0 out, or put it in"
    " quotes",
    r"[-+0-9][^:]*:.*": 'some take it for a number: write the time as "HH:MM", in quotes',
    r".*_.*": "write the number without underscores, or put it in quotes",
    r"[-+]?0b.*": "write the number in digits, or put it in quotes",
}
_MAPPING = "must be a mapping, with lines such as `name: value`"
_LIST = "must be a list"
_OF_YAML = {
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
    "dict_type": _MAPPING,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "too_short": "must not be empty",
}
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Shallow(yaml.SafeLoader):
    """
    Stops at the depth that no honest file has, before the time for it is spent.

    A value that does not fit is reported with its line, as any other mistake.
    """

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise RecursionError
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep)
        except (ValueError, OverflowError, AttributeError, LookupError) as error:
            # PyYAML leaves these to whoever asks: a 13th month, a tag that does not fit its value.
            raise yaml.constructor.ConstructorError(
                None, None, "the value does not fit its type", node.start_mark
            ) from error


def load(path: Path, model: type[Model]) -> Model:
    """Return the file as a ``model``; raises ``BadConfiguration`` that names every wrong line."""
    read = _bytes(path)
    root, content = _parse(path, read)
    try:
        made = model.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems = "; ".join(
            f"{path}:{_line(root, problem['loc'])}: {_sentence(problem['loc'], _words(problem))}"
            for problem in found
            if not _follows(problem, found)
        )
        raise BadConfiguration(f"{problems}.") from None
    if isinstance(made, Versioned):
        made.mark_read_from(path, read)
    return made


def place(path: Path, *steps: Step) -> str:
    """Return ``file:line`` of what is found by these keys and indexes, for errors found later."""
    return f"{path}:{_line(_parse(path, _bytes(path))[0], steps)}"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadConfiguration(f"{path}: cannot be read: {error.strerror}.") from error


def _parse(path: Path, content: bytes) -> tuple[yaml.Node | None, object]:
    """Read the file once as a tree with line numbers, and once as plain values."""
    try:
        text = content.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise BadConfiguration(f"{path}: is not UTF-8 text, from byte {error.start} on.") from error
    try:
        loader = _Shallow(text)
        root = loader.get_single_node()
        if root is None:
            return None, None
        _refuse_surprises(path, root)
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


def _refuse_surprises(path: Path, root: yaml.Node) -> None:
    """
    Refuse what is read differently from how it looks.

    Of two equal keys YAML lets the last one win silently; here that would be a lost rule.
    """
    looked_at: set[int] = set()  # an alias is the same node once more, and may hold itself
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in looked_at:
            continue
        looked_at.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            _refuse_ambiguous(path, node)
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
                waiting += [key, value]


def _refuse_ambiguous(path: Path, node: yaml.ScalarNode) -> None:
    line = node.start_mark.line + 1
    if _SURROGATE.search(node.value):
        raise BadConfiguration(f"{path}:{line}: holds half of a character, which is no text.")
    if node.style is not None or not node.tag.endswith((":int", ":float", ":bool")):
        return
    for form, advice in _SURPRISES.items():
        if re.fullmatch(form, node.value):
            raise BadConfiguration(f"{path}:{line}: YAML reads this differently: {advice}.")


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
            for key, value in reversed(node.value):  # what is merged in by << stands first
                if key.value == str(step):
                    node, mark = value, key.start_mark
                    break
    return int(mark.line) + 1


def _follows(problem: ErrorDetails, found: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is too short only because an entry of it is wrong and was left out."""
    place, deeper = problem["loc"], len(problem["loc"])
    return problem["type"] == "too_short" and any(
        len(each["loc"]) > deeper and each["loc"][:deeper] == place for each in found
    )


def _words(problem: ErrorDetails) -> str:
    """Say it in the words of YAML, where pydantic's are about Python's types."""
    if problem["type"] == "union_tag_not_found":
        return f"lacks its {problem['ctx']['discriminator'].strip(chr(39))}"
    return _OF_YAML.get(problem["type"], problem["msg"])


def _sentence(steps: Sequence[Step], message: str) -> str:
    """Put the place in the document before pydantic's words for what is wrong there."""
    where = ".".join(str(step) for step in steps)
    what = message.removeprefix("Value error, ").rstrip(".")
    return f"{where}: {what}" if where else what


def quoted(text: str) -> str:
    """Return a text as it can stand in a file: JSON's quotes are YAML's."""
    return json.dumps(text, ensure_ascii=False)
