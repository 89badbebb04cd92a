"""``cct-ops up``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cct_ops.stack.config import StackConfig
from cct_ops.stack.up import up as run_stack


def up(
    *,
    data: Annotated[Path | None, Parameter(help="Where everything is kept.")] = None,
    prefect_port: Annotated[int | None, Parameter(help="For the Prefect UI (4200).")] = None,
    gateway_port: Annotated[int | None, Parameter(help="For alerts (8080).")] = None,
    sandbox_port: Annotated[int | None, Parameter(help="For the sandbox (8090).")] = None,
) -> int:
    """
    Run the whole stack on this machine until Ctrl-C.

    PostgreSQL, Prefect with its UI, the worker, the gateway, the dispatcher and, while CCT_URL is
    unset, a sandbox in CCT's place. Data is kept in .cct-ops beside prefect.yaml between runs.
    """
    return run_stack(
        StackConfig.here(
            data,
            prefect_port=prefect_port,
            gateway_port=gateway_port,
            sandbox_port=sandbox_port,
        )
    )
