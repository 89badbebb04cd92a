"""What the tests of the controller share."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from tests.controller.crash_harness import deploy
from tests.controller.running import Playbook


@pytest.fixture
def playbook(prefect_api_url: str) -> Playbook:
    """A playbook of this test's own, not deployed yet."""
    return Playbook(prefect_api_url, f"playbook-{uuid4().hex[:12]}")


@pytest.fixture
def deployment(playbook: Playbook) -> Iterator[str]:
    """A deployment that is one of ours by its tag, for as long as the test lasts."""
    deployment_id = deploy(playbook, "playbook")
    yield deployment_id
    playbook.delete(UUID(deployment_id))
