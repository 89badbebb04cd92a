"""The deployments as Prefect has them: what each is for, and the schema of its parameters."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from cct_ops.errors import BadConfiguration, OpsError, Unavailable
from cct_ops.models.run import PLAYBOOK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cct_ops.clients.server import Server

FRESH_SECONDS = 20.0
WAIT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""How long Prefect may take for an answer: while it hangs, people and programs are told so."""
_UNSET = "PREFECT_API_URL is not set for the board"
_SLOW = "Prefect has not answered yet: load the page again in a moment."
_PARAGRAPH = re.compile(r"\*\*(?P<label>[\w ]+)\*\* (?P<text>.+)", re.DOTALL)


class Deployment(NamedTuple):
    """One that can be started; ``words`` are its description, by paragraph with its label."""

    name: str
    words: tuple[tuple[str, str], ...]
    schema: Mapping[str, Any]
    playbook: bool
    paused: bool


class Known(NamedTuple):
    """The deployments as they were last seen, and why they cannot be seen now, if so."""

    found: Mapping[str, Deployment]
    away: str | None


class Deployments:
    """
    A reader of deployments that keeps nobody waiting for long: what was seen last is shown.

    Prefect's client is heavy, and loaded when the first page asks.
    """

    def __init__(self, server: Server | None = None) -> None:
        self._server = server
        self._known = Known({}, _SLOW)
        self._read_at = float("-inf")
        self._reading: threading.Thread | None = None
        self._lock = threading.Lock()

    def known(self, wait_seconds: float = WAIT_SECONDS) -> Known:
        """Return the deployments; asked anew where they are older than 20 s."""
        with self._lock:
            if time.monotonic() - self._read_at < FRESH_SECONDS:
                return self._known
            if self._reading is None or not self._reading.is_alive():
                self._reading = threading.Thread(target=self._read, daemon=True)
                self._reading.start()
            reading = self._reading
        # Whoever has an answer of before does not wait for the next one.
        reading.join(0.2 if self._known.found else wait_seconds)
        return self._known

    def start(
        self, name: str, parameters: Mapping[str, object], *, key: str, tags: Sequence[str]
    ) -> UUID:
        """Start a run; raises ``Unavailable`` or ``Rejected`` as ``clients.deployments`` does."""
        from cct_ops.clients import deployments, server

        with server.in_a_hurry(ANSWER_SECONDS), self._connected().connect() as client:
            return deployments.start(name, parameters, key=key, tags=tags, client=client)

    def work_of(self, run_id: UUID) -> tuple[str, str] | None:
        """Return the playbook and the target of a run; None where Prefect does not say."""
        import httpx

        from cct_ops.clients import server

        try:
            with self._connected().connect() as client:
                return server.work_of(client, run_id)
        except (BadConfiguration, httpx.HTTPError, RuntimeError):
            return None

    def _connected(self) -> Server:
        from prefect.settings import PREFECT_API_URL

        from cct_ops.clients import server

        if self._server is None and not PREFECT_API_URL.value():
            raise BadConfiguration(_UNSET)  # its client would start a server of its own
        return self._server or server.CONFIGURED

    def _read(self) -> None:
        from cct_ops.clients import deployments, server

        try:
            with server.in_a_hurry(ANSWER_SECONDS), self._connected().connect() as client:
                found = {
                    each.name: Deployment(
                        name=each.name,
                        words=_words(each.description or ""),
                        schema=each.parameter_openapi_schema or {},
                        playbook=PLAYBOOK in each.tags,
                        paused=each.paused,
                    )
                    for each in deployments.listed(client)
                }
        except (Unavailable, BadConfiguration) as error:
            words = f"{str(error).rstrip('.')}, so nothing can be started now."
            self._known = Known(self._known.found, words)
        else:
            self._known = Known(found, None)
        self._read_at = time.monotonic()


def not_started(name: str, error: OpsError, again: str) -> str:
    """Say that a run was not started, or that this is not known, and what to do ``again`` then."""
    if isinstance(error, Unavailable) and not error.never_left:
        return f"Whether {name} was started is not known. {error} {again}"
    return f"{name} was not started. {error}"


def _words(description: str) -> tuple[tuple[str, str], ...]:
    """Return the paragraphs, each with the label that it opens with or none."""
    paragraphs = [" ".join(each.split()) for each in description.split("\n\n")]
    found = [(_PARAGRAPH.fullmatch(each), each) for each in paragraphs if each]
    return tuple((match["label"], match["text"]) if match else ("", each) for match, each in found)
