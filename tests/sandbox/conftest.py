"""The sandbox, pristine at the start of each of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from cct_ops.sandbox.control import SandboxControl
from tests.conftest import API_KEY
from tests.plain import NO_TLS


@pytest.fixture
def sandbox(sandbox_process: SandboxControl) -> SandboxControl:
    """The sandbox as if it had just been started."""
    sandbox_process.reset()
    return sandbox_process


@pytest.fixture
def cct(sandbox: SandboxControl) -> Iterator[httpx.Client]:
    """A plain HTTP client with a good key."""
    headers = {"X-API-Key": API_KEY}
    url = f"{sandbox.base_url}/api/v1/"
    with httpx.Client(base_url=url, headers=headers, trust_env=False, verify=NO_TLS) as client:
        yield client
