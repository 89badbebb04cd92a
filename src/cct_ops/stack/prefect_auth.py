"""
The authentication of Prefect's API: whoever passes it can start, resume and change every run.

The server listens on this machine only, and asks even there for its one string. The string is made
on first use and kept in the data folder for its owner; it never stands on a command line, where
every user of the machine could read it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from cct_ops.stack.postgres import keep_secret

if TYPE_CHECKING:
    import httpx

CLIENT = "PREFECT_API_AUTH_STRING"
SERVER = "PREFECT_SERVER_API_AUTH_STRING"


def file_of(data: Path) -> Path:
    """Return where the string is kept."""
    return data / "keys" / "prefect"


def auth_string(data: Path) -> str:
    """Return the string, as a person types it into the UI's login."""
    return keep_secret(file_of(data))


def server_env(auth: str, ui: str) -> Mapping[str, str]:
    """Return the variables of the server alone."""
    return {
        SERVER: auth,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        # A page from elsewhere can ask nothing; Prefect's default lets every page ask.
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ui,
        "PREFECT_UI_API_URL": f"{ui}/api",  # what a browser asks, wherever it is
    }


@contextmanager
def api_client(env: Mapping[str, str], timeout_seconds: float) -> Iterator[httpx.Client]:
    """Open a client of the stack's Prefect, with its credentials and a CSRF token."""
    import httpx

    me = str(uuid4())  # a token is for one client: asking for another ends the first
    credentials = b64encode(env[CLIENT].encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Prefect-Csrf-Client": me}
    url = env["PREFECT_API_URL"]
    with httpx.Client(
        base_url=url, headers=headers, timeout=timeout_seconds, trust_env=False
    ) as client:
        token = client.get("/csrf-token", params={"client": me}).raise_for_status()
        client.headers["Prefect-Csrf-Token"] = token.json()["token"]
        yield client
