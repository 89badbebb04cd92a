"""What a person may do on the board: each role may do all that the ones before it may."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """
    The roles, from the least to the most.

    A viewer sees everything. A responder acknowledges, holds targets, ends temporary changes and
    stops automation. An approver answers requests for approval and lets automation go on. An admin
    sees and ends the sessions of others.
    """

    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        """True if whoever has this role may do what the other one may."""
        roles = list(Role)
        return roles.index(self) >= roles.index(other)
