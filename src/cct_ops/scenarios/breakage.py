"""A fault that somebody puts into a sandbox to see a whole incident, and the alert it leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cct_ops.sandbox.control import SandboxControl


@dataclass(frozen=True)
class Breakage:
    """
    One fault, in words for who has never seen one, and the labels of the alert that is sent for it.

    ``next`` says what will happen, ``asks`` how many persons are asked for a yes. It is put on one
    of ``targets``, which is the label ``label`` of the alert where it has one. ``over`` is the fact
    by which it is seen that the fault is gone; without one that is so once a fix is verified.
    Its repr is the same in every process, which by its functions it would not be.
    """

    name: str
    title: str
    next: str
    playbook: str
    seed: Callable[[SandboxControl, str], None] = field(repr=False)
    alert: Mapping[str, str]
    targets: tuple[str, ...]
    label: str = ""
    asks: int = 0
    over: Callable[[SandboxControl], bool] | None = field(default=None, repr=False)

    def labels(self, target: str) -> dict[str, str]:
        """Return the labels of the alert about this target."""
        return {**self.alert, **({self.label: target} if self.label else {})}
