"""How much a playbook may do by itself."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What a run may do: look only, act after a person's yes, or act by itself under guards."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"

    @property
    def rank(self) -> int:
        """Position on the ladder observe < approve < auto."""
        return list(Mode).index(self)


def lowest(*modes: Mode) -> Mode:
    """Return the most careful of the given modes; each of them is a ceiling."""
    return min(modes, key=lambda mode: mode.rank)
