"""The names of the parts that a host can run by itself; light, because the command lists them."""

from __future__ import annotations

from typing import Literal

PartName = Literal["gateway", "controller", "board", "worker", "prefect-api", "prefect-services"]
