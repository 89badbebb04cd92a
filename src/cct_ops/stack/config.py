"""The choices for a stack: its folders, ports and environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from cct_ops.errors import BadConfiguration
from cct_ops.stack.postgres import free_port
from cct_ops.variables import harmless, said, told

HOST = "127.0.0.1"


class StackConfig(BaseModel):
    """
    Where a stack lives, its ports, and what its parts find in their environment.

    ``env`` is laid over the environment of the process that starts the stack. An isolated stack
    takes nothing from there but what programs need to run, so it never acts on anything real.
    """

    model_config = ConfigDict(frozen=True)

    project: Path
    data: Path
    prefect_port: int = 4200
    gateway_port: int = 8080
    sandbox_port: int = 8090
    env: Mapping[str, str] = {}
    isolated: bool = False

    @classmethod
    def here(
        cls,
        data: Path | None = None,
        *,
        prefect_port: int | None = None,
        gateway_port: int | None = None,
        sandbox_port: int | None = None,
    ) -> Self:
        """Return the stack of the project in which the current folder is."""
        project = project_of(Path.cwd())
        return cls(
            project=project,
            data=(data or cls.usual_data(project)).absolute(),
            prefect_port=prefect_port or 4200,
            gateway_port=gateway_port or _port_from("CCT_OPS_GATEWAY_PORT", 8080),
            sandbox_port=sandbox_port or 8090,
        )

    @classmethod
    def ephemeral(cls, folder: Path, env: Mapping[str, str] | None = None) -> Self:
        """Return a stack in nobody's way: free ports, its data in the folder, isolated."""
        return cls(
            project=project_of(Path.cwd()),
            data=folder.absolute(),
            prefect_port=free_port(),
            gateway_port=free_port(),
            sandbox_port=free_port(),
            env=env or {},
            isolated=True,
        )

    @staticmethod
    def usual_data(project: Path) -> Path:
        """Return where a project's stack keeps its data by default."""
        return project / ".cct-ops"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that the parts start from."""
        inherited = harmless(os.environ) if self.isolated else told(os.environ)
        return told({**inherited, **self.env})


def project_of(folder: Path) -> Path:
    """Return the nearest folder with a prefect.yaml, from here upward."""
    for candidate in (folder, *folder.parents):
        if (candidate / "prefect.yaml").is_file():
            return candidate
    raise BadConfiguration(
        f"there is no prefect.yaml in {folder} or above it: run this in a checkout of the project"
    )


def _port_from(variable: str, default: int) -> int:
    value = said(variable)
    if value is None:
        return default
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise BadConfiguration(f"{variable} is no port number: set one from 1 to 65535")
    return int(value)
