"""The check that people can sign in on the board by OIDC, where the file says so."""

from __future__ import annotations

from collections.abc import Iterator

from cct_ops.config import sign_in
from cct_ops.doctor.check import Result, Sign
from cct_ops.settings import Settings

_PKCE = "S256"


def look(settings: Settings) -> Iterator[Result]:
    """Ask the provider what it says of itself and for its keys; nobody is signed in."""
    path = settings.board_path
    found = sign_in.read(path, named="board_path" in settings.model_fields_set)
    if found is None:
        fix = f"Write {path} to let people sign in by OIDC (docs/board.md)."
        seen = "people get in by one-time links alone"
        yield Result("board", Sign.UNSET, seen, fix)
        return
    found.secret()
    from cct_ops.clients.oidc import Provider

    provider = Provider(found)
    provider.keys()
    methods = provider.metadata().code_challenge_methods_supported
    back = f"{settings.board_links()}/sign-in/oidc/back"
    seen = f"{path}: people sign in at {found.issuer}, which must know the address {back}"
    if methods is not None and _PKCE not in methods:
        fix = "Switch PKCE with S256 on for this client at the provider."
        seen += "; it does not say that it checks the proof of a code (PKCE)"
        yield Result("board", Sign.LIMITED, seen, fix)
        return
    yield Result("board", Sign.WELL, seen)
