"""What is wrong with a file is said with its line, and without what the file says there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cct_ops import config_file
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen


class Inner(Frozen):
    """One entry."""

    number: int
    words: tuple[str, ...] = ()


class Outer(Frozen):
    """A file."""

    entries: dict[str, Inner]


GOOD = """\
entries:
  first:
    number: 1
  second:
    number: 2
    words:
      - a
      - b
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to fill."""
    return tmp_path / "file.yaml"


def problem(path: Path) -> str:
    """Return what is wrong with the file, after its folder."""
    with pytest.raises(BadConfiguration) as caught:
        config_file.load(path, Outer)
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_a_right_file_is_a_model(path: Path) -> None:
    """Nothing else is needed."""
    path.write_text(GOOD)

    assert config_file.load(path, Outer).entries["second"] == Inner(number=2, words=("a", "b"))


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("number: 2", "number: hidden", "file.yaml:5: entries.second.number: Input should be"),
        ("- b", "- {a: hidden}", "file.yaml:8: entries.second.words.1: Input should be a valid"),
        ("number: 1", "a: hidden", "file.yaml:2: entries.first.number: Field required; "),
        ("  second:", "  first:", "file.yaml:4: 'first' is there twice."),
        ("- a", "- [", "file.yaml:8: not valid YAML: "),
        ("- a", "- a: : hidden", "file.yaml:7: not valid YAML: "),
        (GOOD, "", "file.yaml:1: Input should be a valid dictionary or instance of Outer."),
    ],
)
def test_an_error_names_its_line(path: Path, right: str, wrong: str, said: str) -> None:
    """The line, the place in the document and the reason; the value could be a secret."""
    path.write_text(GOOD.replace(right, wrong))

    assert problem(path).startswith(said)
    assert "hidden" not in problem(path)


def test_all_problems_are_said_at_once(path: Path) -> None:
    """Nobody likes to be told of one error at a time."""
    path.write_text(GOOD.replace("number: 1", "number: one").replace("words:", "wrods:"))

    assert "file.yaml:3: entries.first.number: " in problem(path)
    assert "file.yaml:6: entries.second.wrods: Extra inputs" in problem(path)


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    """Missing or not text."""
    assert problem(path) == "file.yaml: cannot be read: No such file or directory."
    path.write_bytes(b"entries: \xff")
    assert problem(path) == "file.yaml: is not UTF-8 text, from byte 9 on."


def test_a_place_can_be_named_later(path: Path) -> None:
    """For what only turns out to be wrong after the file was read."""
    path.write_text(GOOD)

    assert config_file.place(path, "entries", "second", "words", 1) == f"{path}:8"
    assert config_file.place(path, "entries", "third") == f"{path}:1"
