"""
The authentication of Prefect's API: whoever passes it can start, resume and change every run.

The server listens on this machine only, and asks even there for its one string. The string is made
on first use and kept in the data folder for its owner; it never stands on a command line, where
every user of the machine could read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cct_ops.stack.postgres import keep_secret

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
