"""``cct-ops up``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import UInt16


def up(
    *,
    data: Annotated[
        Path | None, Parameter(help="Where everything is kept; .cct-ops beside prefect.yaml.")
    ] = None,
    prefect_port: Annotated[UInt16 | None, Parameter(help="Of the Prefect UI; 4200.")] = None,
    gateway_port: Annotated[UInt16 | None, Parameter(help="Of the alert hook; 8080.")] = None,
    sandbox_port: Annotated[UInt16 | None, Parameter(help="Of the sandbox; 8090.")] = None,
    board_port: Annotated[UInt16 | None, Parameter(help="Of the board; 8070.")] = None,
) -> int:
    """
    Run the whole stack on this machine until Ctrl-C.

    PostgreSQL, Prefect with its UI, the worker, the gateway that takes alerts in, the controller
    that starts playbooks for them, the board for people on call and, while `CCT_URL` is unset, a
    sandbox in CCT's place. To operate your own CCT:

        CCT_URL=https://cct.example X_API_KEY=... cct-ops up

    Data is kept between runs. A part that dies is restarted, five times in ten minutes; after that
    it stays down, which is said. When this command ends, by Ctrl-C or even by kill -9, nothing of
    the stack is left running.
    """
    from cct_ops.stack.config import StackConfig
    from cct_ops.stack.up import up as run_stack

    return run_stack(
        StackConfig.here(
            data,
            prefect_port=prefect_port,
            gateway_port=gateway_port,
            sandbox_port=sandbox_port,
            board_port=board_port,
        )
    )
