"""One sandbox process for all of these tests, pristine at the start of each."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl, start_sandbox
from tests.plain import NO_TLS


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[SandboxControl]:
    """The process that all tests share."""
    with start_sandbox() as control:
        yield control


@pytest.fixture
def sandbox(running_sandbox: SandboxControl) -> SandboxControl:
    """The sandbox as if it had just been started."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def cct(sandbox: SandboxControl) -> Iterator[httpx.Client]:
    """A plain HTTP client with a good key."""
    headers = {"X-API-Key": "sandbox-key"}
    url = f"{sandbox.base_url}/api/v1/"
    with httpx.Client(base_url=url, headers=headers, trust_env=False, verify=NO_TLS) as client:
        yield client
