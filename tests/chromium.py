"""The browser in which tests look at pages: Debian's Chromium, where it is installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from evaluation.chromium import CHROMIUM, chromium

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One, for the tests of a file."""
    with chromium() as made:
        yield made
