"""What the tests of the controller share."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.controller.running import Playbook


@pytest.fixture
def playbook(prefect_api_url: str) -> Playbook:
    """A playbook of this test's own, not deployed yet."""
    return Playbook(prefect_api_url, f"playbook-{uuid4().hex[:12]}")
