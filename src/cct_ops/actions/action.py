"""One write as one class: what it takes, how it is sent, seen, undone, and done by hand."""

from __future__ import annotations

import inspect
import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, get_args, get_type_hints
from urllib.parse import urlencode

from pydantic.alias_generators import to_snake

from cct_ops.models.base import Frozen
from cct_ops.models.cct import Wire
from cct_ops.models.plan import Call, Step

if TYPE_CHECKING:  # an action says how it is done; whoever does it brings the client
    from cct_ops.clients.github import GitHubReader
    from cct_ops.clients.reader import CctReader


class ReadBack(NamedTuple):
    """The result of one look after a write: whether it took effect, and what was seen."""

    took_effect: bool
    seen: str


class Request(NamedTuple):
    """One HTTP request of a write; ``gone_is_fine`` takes a 404 for done."""

    method: str
    path: str
    query: Mapping[str, str | int] = {}
    body: Mapping[str, Any] | None = None
    gone_is_fine: bool = False


class Action(Frozen, ABC):
    """
    A write to a system outside, named in plans by its class: ``ResetCanary`` is ``reset_canary``.

    Its fields are the call's arguments. One that is not ``idempotent`` must not be sent again when
    its effect is in doubt. One that ``lowers_risk`` is never taken back for want of a confirmation.
    ``shows_all`` says that nothing is left to do where the read-back shows the effect before the
    write; a look at counts cannot say that. What is more than ``one_request`` may be refused
    halfway, and ``leaves_parts`` says that a part of it may then be there where its effect does not
    show.
    """

    method: ClassVar[str]
    system: ClassVar[str]
    blast_radius: ClassVar[str]
    idempotent: ClassVar[bool] = True
    lowers_risk: ClassVar[bool] = False
    shows_all: ClassVar[bool] = True
    one_request: ClassVar[bool] = True
    leaves_parts: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Name the action, and refuse one that lacks what every action says."""
        super().__pydantic_init_subclass__(**kwargs)
        if ABC in cls.__bases__:
            return  # a kind of action
        cls.method = to_snake(cls.__name__)
        lacking = sorted(cls.__abstractmethods__)
        lacking += sorted(name for name in cls.__class_vars__ if not hasattr(cls, name))
        if lacking:
            raise TypeError(f"The action {cls.__name__} does not say its {', '.join(lacking)}.")

    @property
    def call(self) -> Call:
        """The write as plans, permits and the journal keep it."""
        return Call(method=self.method, arguments=dict(self))

    @property
    def in_words(self) -> str:
        """The state that it brings about, short enough for the name of a run."""
        return self.method.replace("_", " ")

    def explained(self) -> tuple[str, ...]:
        """Return what it does in words, then each part of it; nothing where its call says it."""
        return ()

    def step(self, undo: Action | None, *, lasts_minutes: float | None = None) -> Step:
        """Make it a step of a plan, which ``undo`` takes back; None makes it irreversible."""
        return Step(
            call=self.call,
            undo=undo.call if undo else None,
            lasts_minutes=lasts_minutes,
            idempotent=self.idempotent,
            lowers_risk=self.lowers_risk,
        )

    @classmethod
    def described(cls) -> str:
        """Say what it does, whom it can hurt, whether it may be sent again, and what undoes it."""
        undo = get_type_hints(cls.undo)["return"]
        back = [kind.method for kind in get_args(undo) or (undo,) if kind is not NoneType]
        again = "Idempotent." if cls.idempotent else "Not idempotent."
        undone = f"Undo: {' or '.join(back)}." if back else "Cannot be undone."
        return f"{inspect.getdoc(cls)}\n\nBlast radius: {cls.blast_radius}. {again} {undone}"

    @abstractmethod
    def read_back(self, reader: Any) -> ReadBack:
        """Look once whether its effect shows."""

    @abstractmethod
    def undo(self, *args: Any, **kwargs: Any) -> Action | None:
        """Return what takes it back, given what was before; None where nothing does."""

    @abstractmethod
    def by_hand(self) -> str | None:
        """Return the command that does it, as a person types it; None where no single one does."""


class CctAction(Action, ABC):
    """
    A write to CCT, which is one request to a ``path`` below ``/api/v1/``.

    What CCT ``answers`` is a claim and no proof.
    """

    system = "CCT"
    path: ClassVar[str]
    answers: ClassVar[type[Wire] | None] = None

    def request(self) -> Request:
        """Return its request in the runbook's dialect, without a body where it is not said."""
        return Request("POST", self.path, dict(self))

    def handlers_only_request(self) -> Request | None:
        """Return its request to a CCT with only its own handlers, where that is another one."""
        return None

    @abstractmethod
    def read_back(self, cct: CctReader) -> ReadBack:
        """Look once whether its effect shows."""

    def by_hand(self) -> str:
        """Return its request for curl, in the runbook's dialect."""
        method, path, query, body, _ = self.request()
        words = f'curl -fsS -X {method} -H "X-API-Key: $X_API_KEY"'
        if body is not None:
            words += f" -H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
        asked = f"?{urlencode(sorted(query.items()))}" if query else ""
        # the variable in double quotes, the rest in its own: a value must not reach the shell
        return f'{words} "$CCT_URL"{shlex.quote(f"/api/v1/{path}{asked}")}'


class GitHubAction(Action, ABC):
    """A write to CCT's repository at GitHub, in as many requests as it takes."""

    system = "GitHub"
    one_request = False

    @abstractmethod
    def requests(self, github: GitHubReader) -> Iterable[Request]:
        """
        Return its requests one by one; each finds what an earlier attempt left behind.

        What is read before this returns is read before the permit is checked.
        """

    @abstractmethod
    def read_back(self, github: GitHubReader) -> ReadBack:
        """Look once whether its effect shows."""


def gh(*words: str) -> str:
    """Return a command of GitHub's own tool on the repository."""
    return f'gh {shlex.join(words)} --repo "$GITHUB_REPOSITORY"'
