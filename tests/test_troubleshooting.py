"""Whatever the page on troubles quotes is what the project says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
QUOTED = sorted({" ".join(each.split()) for each in re.findall(r"“([^”]+)”", PAGE)})
NAMED = sorted(
    set(re.findall(r"^\| ([A-Z][a-z ]+?) +\|", PAGE, re.MULTILINE)) - {"You see", "Crashed"}
)  # which is Prefect's


def said() -> Iterator[str]:
    """Yield every text of the sources, a computed one in its pieces."""
    for folder in ("src", "tasks", "flows"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield " ".join(node.value.split())


@pytest.fixture(scope="module")
def texts() -> str:
    return "\n".join(said())


@pytest.mark.parametrize("words", QUOTED)
def test_a_message_that_is_explained_is_one_of_ours(words: str, texts: str) -> None:
    assert words in texts


@pytest.mark.parametrize("outcome", NAMED)
def test_an_outcome_that_is_explained_is_one_that_runs_have(outcome: str, texts: str) -> None:
    assert f"\n{outcome}\n" in texts
