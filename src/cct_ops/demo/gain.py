"""What the quick start gains: this run beside what a stock worker took when it was measured."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ValidationError

KEPT = Path("docs", "benchmarks", "results.json")


class _Row(BaseModel):
    median: float


class _Starts(BaseModel):
    stock: _Row


class _Machine(BaseModel):
    cores: int
    cpu: str


class _Kept(BaseModel):
    measured_on: str
    machine: _Machine
    starts: _Starts


def gain(seconds: float, project: Path) -> str:
    """Say how long it took to the first probe, and what was measured with Prefect's own worker."""
    took = f"From the alert to the first probe: {seconds:.2f} s."
    try:
        kept = _Kept.model_validate_json((project / KEPT).read_bytes())
    except (OSError, ValidationError):
        return took
    where = f"{kept.measured_on}, {kept.machine.cores} cores of {kept.machine.cpu}"
    return (
        f"{took}\nWith Prefect's process worker {kept.starts.stock.median:.1f} s were measured,"
        f" at the median\n({where}: {KEPT.parent})."
    )
