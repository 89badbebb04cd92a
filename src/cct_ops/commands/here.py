"""The ledger that commands work on: that of the stack that runs here, or the one that is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa


PROOF = "the login of a shell"


def ledger() -> sa.Engine:
    """
    Connect to it.

    Raises ``BadConfiguration`` where there is none or its schema is not ours, and ``Unavailable``
    where it does not answer.
    """
    import sqlalchemy as sa

    from cct_ops.errors import BadConfiguration, Unavailable
    from cct_ops.ledger.engine import connect, revisions
    from cct_ops.settings import Settings

    try:
        engine = connect(Settings.load().ledger_url())
        with engine.connect() as connection:
            found, newest = revisions(connection)
    except sa.exc.ArgumentError:
        raise BadConfiguration("CCT_OPS_DATABASE_URL is not the URL of a database") from None
    except sa.exc.OperationalError as error:
        words = " ".join(str(error.orig).split())
        raise Unavailable(f"the ledger cannot be reached: {words}") from None
    if found != newest:
        raise BadConfiguration(
            f"the ledger's schema is {found or 'none at all'} and ours is {newest}: bring it up to"
            " date with `cct-ops migrate`"
        )
    return engine


def person() -> str:
    """Return the login under which a command was typed; a container may know only a number."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def prefect_must_be_known() -> None:
    """Raise ``BadConfiguration`` without a Prefect: its client would start a server of its own."""
    from prefect.settings import PREFECT_API_URL

    from cct_ops.errors import BadConfiguration

    if not PREFECT_API_URL.value():
        raise BadConfiguration(
            "no stack runs from this folder (start one with `cct-ops up`), and PREFECT_API_URL is"
            " not set"
        )
