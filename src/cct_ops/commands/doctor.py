"""``cct-ops doctor``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from cct_ops.commands.options import Json


def doctor(
    *,
    send: Annotated[bool, Parameter(negative="", help="Post one test message to Slack.")] = False,
    as_json: Json = False,
) -> int:
    """
    Check everything that is set up, and say what to do about what does not work.

    Settings and files, who is on call, CCT and its dialect, Prefect with deployments and worker,
    the ledger with its controller, Slack and GitHub: one line each. Fails when anything that is
    set up does not work; what is not set up is no error. Changes nothing, and shows no secret.
    """
    from cct_ops.doctor import console

    return console.show(send=send, as_json=as_json)
