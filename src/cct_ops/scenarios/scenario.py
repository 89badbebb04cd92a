"""
A scenario: a fault in a sandbox, the playbook that it is for, and all that is expected of it.

Tests, the matrix, kills and game days are made from the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from cct_ops.models.run import Mode, Outcome
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios import seeds

Seed = Callable[[SandboxControl], None]
LASTS = "What cannot be undone: "


@dataclass(frozen=True)
class End:
    """The end of a run: its state's name, words of its message, and every change it asked for."""

    name: str
    words: str
    writes: tuple[str, ...] = ()
    stands: bool = False  # whether something is different in the end


@dataclass(frozen=True)
class Spoilt:
    """
    What lets the verification fail, and how that ends.

    ``seed`` is done before the run; ``manual_change`` as soon as the run has made its change.
    """

    end: End
    seed: Seed = seeds.nothing
    manual_change: Seed | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """
    One step of the plan: its method, the requests that it takes, and the same of its undo.

    ``shows_again`` is an undo after which the step itself still seems to be in effect. A step that
    ``stays`` lowers risk, so that nobody takes it back.
    """

    method: str
    writes: tuple[str, ...]
    undo_method: str | None = None
    undo: tuple[str, ...] = ()
    lasts: bool = False
    shows_again: bool = False
    stays: bool = False


@dataclass(frozen=True)
class Killed:
    """
    What the outcome is of a run whose process dies after its verification.

    ``seed`` is another fault than the scenario's, for one that ends differently by itself.
    """

    verified: Outcome = Outcome.RESOLVED
    ends: Outcome = Outcome.RESOLVED
    seed: Seed | None = None


@dataclass(frozen=True)
class Left:
    """The places in which a drill leaves its traces."""

    sandbox: SandboxControl
    reviews: Path


@dataclass(frozen=True)
class Drill:
    """
    What a game day looks for when the playbook has ended, in an environment of its own.

    ``parameters`` come beside the scenario's own, which are briefer than a form allows.
    """

    holds: Callable[[Left], bool]
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """
    One playbook with one of its options, on the fault that it is for.

    ``truth`` is what the playbook changes, as the sandbox has it. ``during`` is a scenario whose
    run is under way, and ``after`` one whose run is over and is what this one is about.

    ``asks``: auto mode asks a person as well; ``person`` false: not even approve mode asks one. One
    that ``keeps`` its changes for its own time only takes them back before its end.
    ``other_messages`` are sent before the one that says how it ended.

    ``handlers_only`` is how it ends on a CCT with only its own handlers, or why there is nothing to
    see; ``bare`` what it says is missing where CCT has no admin API at all. What a ``draft`` leaves
    behind is not compared with golden files yet.
    """

    playbook: str
    seed: Seed
    truth: Callable[[SandboxControl], object]
    acts: End
    steps: tuple[Step, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    modes: bool = True
    asks: bool = False
    person: bool = True
    keeps: bool = False
    other_messages: int = 0
    during: Scenario | None = None
    after: Scenario | None = None
    spoilt: Spoilt | None = None
    handlers_only: End | str = ""
    handlers_only_seed: Seed | None = None
    bare: str = ""
    killed: Killed = Killed()
    drill: Drill | None = None
    draft: bool = False

    def __str__(self) -> str:
        """Name the tests."""
        return f"{self.playbook} {self.option}".strip()

    @property
    def option(self) -> str:
        """The option that it is about, where the playbook has several."""
        return str(self.parameters.get("option") or self.parameters.get("fix") or "")

    @property
    def writes(self) -> tuple[str, ...]:
        """Every change that it asks for when all goes well."""
        if self.keeps:
            return undone(*self.steps)
        return self.acts.writes or tuple(write for step in self.steps for write in step.writes)

    @property
    def seeded(self) -> str:
        """The fault in words: the seed's own description, or the run that is under way before."""
        if self.during:
            return f"A run of {self.during.playbook} is under way."
        return (self.seed.__doc__ or "").partition("\n")[0]

    @property
    def drilled(self) -> dict[str, object]:
        """The parameters of a drill's run, which may act alone."""
        mode = {"mode": Mode.AUTO.value} if self.modes else {}
        return {**self.parameters, **(self.drill.parameters if self.drill else {}), **mode}


@dataclass(frozen=True)
class HandlersOnly:
    """One more run on a CCT with only its own handlers."""

    playbook: str
    seed: Seed
    end: End
    parameters: Mapping[str, object] = field(default_factory=dict)
    option: str = ""

    @classmethod
    def of(cls, rows: Iterable[Scenario]) -> list[Self]:
        """Return the run of each scenario that has something to see there."""
        return [
            cls(
                row.playbook,
                row.handlers_only_seed or row.seed,
                row.handlers_only,
                row.parameters,
                row.option,
            )
            for row in rows
            if not isinstance(row.handlers_only, str)
        ]

    def __str__(self) -> str:
        """Name the test."""
        return f"{self.playbook} {self.option or self.seed.__name__}"


def undone(*steps: Step) -> tuple[str, ...]:
    """List the requests of some steps and of their undo, the last step first."""
    made = tuple(write for step in steps for write in step.writes)
    return made + tuple(write for step in reversed(steps) for write in step.undo)
