"""What is wrong with a file is said with its line, and without what the file says there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from tests.config.refusing import refusal


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
        yaml_files.load(path, Outer)
    return str(caught.value).removeprefix(f"{path.parent}/")


def test_a_right_file_is_a_model(path: Path) -> None:
    """Nothing else is needed."""
    path.write_text(GOOD)

    assert yaml_files.load(path, Outer).entries["second"] == Inner(number=2, words=("a", "b"))


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("number: 2", "number: hidden", "file.yaml:5: entries.second.number: Input should be"),
        ("- b", "- {a: hidden}", "file.yaml:8: entries.second.words.1: Input should be a valid"),
        ("number: 1", "a: hidden", "file.yaml:2: entries.first.number: Field required; "),
        ("  second:", "  first:", "file.yaml:4: 'first' is there twice."),
        ("- a", "- [", "file.yaml:8: not valid YAML: "),
        ("- a", "- a: : hidden", "file.yaml:7: not valid YAML: "),
        (GOOD, "", "file.yaml:1: must be a mapping, with lines such as `name: value`."),
    ],
)
def test_an_error_names_its_line(path: Path, right: str, wrong: str, said: str) -> None:
    """The line, the place in the document and the reason; the value could be a secret."""
    path.write_text(GOOD.replace(right, wrong))

    assert problem(path).startswith(said)
    assert "hidden" not in problem(path)


def test_all_problems_are_said_at_once(path: Path) -> None:
    """Nobody likes to learn of one error at a time."""
    path.write_text(GOOD.replace("number: 1", "number: one").replace("words:", "wrods:"))

    assert "file.yaml:3: entries.first.number: " in problem(path)
    assert "file.yaml:6: entries.second.wrods: Extra inputs" in problem(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("sources:", "sources: must be a mapping, with lines such as `name: value`."),
        ("sources: {}", "sources: must not be empty."),
        ("sources: {a: {keys: [{env: X}]}}", "sources.a: lacks its kind."),
        (
            "sources: {a: {kind: github, keys: [hidden]}}",
            "sources.a.github.keys.0: must be a mapping, with lines such as `name: value`.",
        ),
    ],
)
def test_a_mistake_is_said_in_the_words_of_yaml_and_of_its_own_place_alone(
    path: Path, content: str, said: str
) -> None:
    """A list whose one entry is wrong is not told to be empty."""
    refused = refusal(lambda written: yaml_files.load(written, Sources), path, content)

    assert refused == f"{path}:1: {said}"


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    """Missing or not text."""
    assert problem(path) == "file.yaml: cannot be read: No such file or directory."
    path.write_bytes(b"entries: \xff")
    assert problem(path) == "file.yaml: is not UTF-8 text, from byte 9 on."


def test_a_place_can_be_named_later(path: Path) -> None:
    """For what only turns out to be wrong after the file was read."""
    path.write_text(GOOD)

    assert yaml_files.place(path, "entries", "second", "words", 1) == f"{path}:8"
    assert yaml_files.place(path, "entries", "third") == f"{path}:1"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "010",
            "a number that begins with 0 is octal to some: leave the 0 out, or put it in quotes",
        ),
        (
            "-012",
            "a number that begins with 0 is octal to some: leave the 0 out, or put it in quotes",
        ),
        ("1_000", "write the number without underscores, or put it in quotes"),
        ("1_0.5", "write the number without underscores, or put it in quotes"),
        ("12:30", 'some take it for a number: write the time as "HH:MM", in quotes'),
        ("1:30:00.5", 'some take it for a number: write the time as "HH:MM", in quotes'),
        ("0b101", "write the number in digits, or put it in quotes"),
        ("yes", "write true or false, or put the word in quotes"),
        ("Off", "write true or false, or put the word in quotes"),
    ],
)
def test_what_two_versions_of_yaml_read_differently_is_not_guessed(
    path: Path, written: str, said: str
) -> None:
    """As a value and as a name; in quotes it is text to both."""
    path.write_text(GOOD.replace("- a", f"- {written}"))
    assert problem(path) == f"file.yaml:7: YAML reads this differently: {said}."
    path.write_text(GOOD.replace("  second:", f"  {written}:"))
    assert problem(path) == f"file.yaml:4: YAML reads this differently: {said}."

    path.write_text(GOOD.replace("- a", f'- "{written}"'))
    assert yaml_files.load(path, Outer).entries["second"].words == (written, "b")


@pytest.mark.parametrize(
    "written", ["10", "-3", "0", "0x1F", "+7", "true", "1.5", "1e3", "'010'", '"yes"', "y", "08:xx"]
)
def test_what_all_read_alike_is_read(path: Path, written: str) -> None:
    path.write_text(f"value: {written}\n")

    yaml_files.load(path, Anything)


class Anything(Frozen):
    """A file with one value of any kind."""

    value: object


class Amount(Frozen):
    """A file with one number."""

    value: float


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (".inf", "file.yaml:1: value: Input should be a finite number."),
        ("-.Inf", "file.yaml:1: value: Input should be a finite number."),
        (".nan", "file.yaml:1: value: Input should be a finite number."),
        ("1e400", "file.yaml:1: value: Input should be a finite number."),
        ("9" * 400, "file.yaml:1: value: Input should be a valid number."),
        ("9" * 5000, "file.yaml:1: not valid YAML: the value does not fit its type."),
        ("!!int x", "file.yaml:1: not valid YAML: the value does not fit its type."),
        ("!!bool x", "file.yaml:1: not valid YAML: the value does not fit its type."),
        ("!!timestamp x", "file.yaml:1: not valid YAML: the value does not fit its type."),
        ("2026-13-45", "file.yaml:1: not valid YAML: the value does not fit its type."),
        ('"\\ud800"', "file.yaml:1: holds half of a character, which is no text."),
        ("&a [*a]", "file.yaml:1: value: Input should be a valid number."),
        ("{<<: 5}", "file.yaml:1: not valid YAML: expected a mapping or list of mappings"),
    ],
)
def test_a_value_that_nothing_can_be_reckoned_with_is_said_with_its_line(
    path: Path, written: str, said: str
) -> None:
    refused = refusal(lambda file: yaml_files.load(file, Amount), path, f"value: {written}\n")

    assert refused.removeprefix(f"{path.parent}/").startswith(said)


def test_what_is_merged_in_gives_way_and_errors_name_the_line_of_what_holds(path: Path) -> None:
    path.write_text(
        "entries:\n  first: &one\n    number: 1\n    words: [a]\n"
        "  second:\n    <<: *one\n    number: 2\n"
    )
    assert yaml_files.load(path, Outer).entries["second"] == Inner(number=2, words=("a",))

    path.write_text(path.read_text().replace("number: 2", "number: two"))
    assert problem(path).startswith("file.yaml:7: entries.second.number: ")
