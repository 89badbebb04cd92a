"""Compares the clocks of the ledger, of Prefect's server and of this machine."""

from __future__ import annotations

from cct_ops.models.base import duration

# As much as two machines that ask the same time server never differ.
BOUND_SECONDS = 5.0


def difference(whose: str, seconds_ahead: float) -> str | None:
    """Say how far a clock is off this machine's; None if that is within the bound."""
    if abs(seconds_ahead) <= BOUND_SECONDS:
        return None
    way = "ahead of" if seconds_ahead > 0 else "behind"
    return (
        f"The clock of {whose} is {duration(abs(seconds_ahead))} {way} this machine's. What is due"
        " is decided by the ledger's alone; people and other systems go by theirs: set all of them"
        " by one time server."
    )
