"""What the stack's tests share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.stack.polling import all_gone, eventually, marked


@pytest.fixture
def marker() -> Iterator[str]:
    """A word for the command lines of a test's processes; none may be left after the test."""
    word = f"test-{uuid.uuid4()}"
    yield word
    left = marked(word)
    for process in left:
        process.kill()
    eventually(lambda: all_gone(left))
    assert left == []
