"""A family of CCT's admin endpoints: its verbs, and what it answers to one that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cct_ops.sandbox.envelope import Reply
from cct_ops.sandbox.world import Call

Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Verb:
    """A handler and whether it changes state; CCT itself hardly ever looks at the method."""

    handle: Handler
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """
    All verbs of one family in one dialect.

    ``verbs`` maps ``"verb"``, or ``"METHOD verb"`` where the method makes a difference, or
    ``"METHOD verb/*"`` where one thing's name follows. ``limit`` is the class of the admin limiter
    that the family's requests count against, if any.
    """

    title: str
    verbs: Mapping[str, Verb]
    unknown_status: int = 404
    limit: str | None = None

    def find(self, verb: str, method: str) -> Verb | None:
        """Return the verb's handler."""
        any_one = f"{method} {verb.partition('/')[0]}/*" if "/" in verb else verb
        return self.verbs.get(f"{method} {verb}") or self.verbs.get(verb) or self.verbs.get(any_one)

    def names(self) -> list[str]:
        """List the verbs, each once."""
        return list(dict.fromkeys(key.rpartition(" ")[2] for key in self.verbs))
