"""The settings of who listens where, how people reach it from elsewhere, and who gets in."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, HttpUrl

from cct_ops.addresses import reached_at

_METRICS = "0 is none. `cct-ops up` sets it where it is not set and the port is free."


class Listeners(BaseModel):
    """Those of the gateway, the board and everybody's metrics, as a part of ``Settings``."""

    gateway_host: str = Field("127.0.0.1", description="Where the gateway listens.")
    gateway_port: int = Field(8080, ge=0, le=65535, description="0 lets the system choose.")
    gateway_url: HttpUrl | None = Field(
        None,
        description="Where people reach the gateway, for their links; default: its port on this "
        "machine, which nobody elsewhere can open (`cct-ops doctor` says so).",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="The address at which each part shows Prometheus its metrics."
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description=f"The port of the gateway's metrics; {_METRICS}"
    )
    controller_metrics_port: int = Field(
        0, ge=0, le=65535, description=f"The port of the controller's metrics; {_METRICS}"
    )
    worker_metrics_port: int = Field(
        0, ge=0, le=65535, description=f"The port of the warm worker's metrics; {_METRICS}"
    )
    board_host: str = Field(
        "127.0.0.1",
        description="Where the board listens; beyond this machine it takes an https `BOARD_URL`.",
    )
    board_port: int = Field(8070, ge=0, le=65535, description="0 lets the system choose.")
    board_url: HttpUrl | None = Field(
        None,
        description="Where people reach the board: it answers under no other name. Default: its"
        " port on this machine.",
    )
    board_path: Path = Field(
        Path("deployments/board.yaml"),
        description="Who signs in on the board by OIDC; without the file by one-time links alone.",
    )

    def gateway_links(self) -> str:
        """Return what links to the gateway begin with; by default it is reached on this machine."""
        if self.gateway_url is not None:
            return str(self.gateway_url).rstrip("/")
        return reached_at(self.gateway_host, self.gateway_port)

    def board_links(self) -> str:
        """Return what links to the board begin with; by default it is reached on this machine."""
        if self.board_url is not None:
            return str(self.board_url).rstrip("/")
        return reached_at(self.board_host, self.board_port)
