"""The published matrix names only tests that are there, and says something of every cell."""

from __future__ import annotations

import pytest

from evaluation.cluster.names import CLAIMS, KINDS, PART_NAMES
from evaluation.cluster.results import Results
from tests.claims.matrix import PARTS, Part, Reason, State, cells, names_of, parts


def named(part: Part) -> str:
    """Name a parametrised case."""
    return part.name


def test_each_file_of_a_part_is_on_the_page() -> None:
    assert {path.name for path in PARTS.iterdir()} == {f"{name}.yaml" for name in PART_NAMES}


@pytest.mark.parametrize("part", parts(), ids=named)
def test_no_cell_is_empty_and_every_test_that_is_named_is_there(part: Part) -> None:
    found = list(cells(part))

    assert len(found) == len(CLAIMS) * len(KINDS)
    assert all(cell.tests or cell.why for cell in found)
    missing = {
        each.test
        for cell in found
        for each in cell.tests
        if each.test.partition("::")[2].partition("[")[0] not in names_of(each.file)
    }
    assert missing == set()
    assert [cell for cell in found if len(set(cell.tests)) < len(cell.tests)] == []


@pytest.mark.parametrize("part", parts(), ids=named)
def test_every_reason_is_that_of_a_cell(part: Part) -> None:
    """A reason that became untrue with a new test goes with it."""
    given = {cell.why for cell in cells(part)}

    assert [each.why for each in (*part.no_sense, *part.untested) if each.why not in given] == []


def test_a_cell_without_a_word_is_refused_and_so_is_one_with_two() -> None:
    mute = Part(key="slack", name="mute", about="It says nothing.")
    given = {"key": "slack", "name": "two", "about": "-", "no_sense": [{"why": "so"}]}
    two = Part.model_validate(given | {"shown": {"cut off": {"no alert lost": ["a.py::test_b"]}}})

    for part, words in ((mute, "neither a test nor a reason"), (two, "it makes no sense")):
        with pytest.raises(ValueError, match=words):
            list(cells(part))


def test_a_test_that_stands_there_covers_the_phases_that_it_names() -> None:
    line = "a.py::test_b in looking, sent and not answered"
    part = Part.model_validate(
        {
            "key": "slack",
            "name": "one",
            "about": "-",
            "shown": {"kill -9": {"every run ends": [line]}},
            "untested": [Reason(why="not yet")],
        }
    )
    (tested,) = [cell for cell in cells(part, Results()) if cell.state is State.TESTED]

    assert tested.tests[0].phases == ("looking", "sent and not answered")
    assert names_of("no/such/file.py") == frozenset()
