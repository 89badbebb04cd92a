"""
What one playbook with one option is held to.

Its fault is seeded in a real sandbox. The run is observed, approved and left alone (auto); it meets
a system in which its verification fails; and it meets a CCT with only its own handlers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cct_ops.sandbox.control import SandboxControl
from tests.flows import faulty

Seed = Callable[[SandboxControl], None]


@dataclass(frozen=True)
class End:
    """How a run ends: its state's name, words of its message, and every change it asked for."""

    name: str
    words: str
    writes: tuple[str, ...] = ()
    stands: bool = False  # whether something is different in the end


@dataclass(frozen=True)
class Spoilt:
    """
    What lets the verification fail, and how that ends.

    ``seed`` is done before the run; ``meddle`` as soon as the run has made its change.
    """

    end: End
    seed: Seed = faulty.nothing
    meddle: Seed | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """
    One playbook with one of its options.

    ``asks``: auto mode asks a person as well; ``person`` false: not even approve mode asks one.
    """

    playbook: str
    seed: Seed
    truth: Callable[[SandboxControl], object]
    acts: End
    spoilt: Spoilt
    mounted: End | str  # or why there is nothing to see
    option: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    asks: bool = False
    person: bool = True
    mounted_seed: Seed | None = None

    def __str__(self) -> str:
        """Name the tests."""
        return f"{self.playbook} {self.option}".strip()


@dataclass(frozen=True)
class Mounted:
    """One more run on a CCT with only its own handlers."""

    playbook: str
    seed: Seed
    end: End
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Name the test."""
        return f"{self.playbook} {self.seed.__name__}"
