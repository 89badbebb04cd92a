"""
Patches of Prefect in a forked process: it uses what its worker knows instead of asking the server.

Each process would ask all of this for itself, and a hundred at once would ask little else. What is
left are the requests that make the record.
"""

from __future__ import annotations

import contextlib
import contextvars
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakSet

import certifi
import prefect.events.related
import prefect.flow_engine
import prefect.flows
import prefect.results
import prefect.task_engine
from prefect.client.base import PrefectHttpxAsyncClient, PrefectHttpxSyncClient
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.objects import Flow, FlowRun, State, WorkPool, WorkQueue
from prefect.client.schemas.responses import DeploymentResponse
from prefect.settings import PREFECT_API_SSL_CERT_FILE, PREFECT_API_TLS_INSECURE_SKIP_VERIFY
from pydantic import BaseModel

from cct_ops.worker import compatibility
from cct_ops.worker.protocol import BEGUN, ServerAnswers, Token
from cct_ops.worker.start_barrier import StartBarrier
from cct_ops.worker.start_batching import StartBatching

_RELATED: dict[str, type[BaseModel]] = {
    "flow": Flow,
    "deployment": DeploymentResponse,
    "work-queue": WorkQueue,
    "work-pool": WorkPool,
}


def apply_patches(
    flow_run: FlowRun, answers: ServerAnswers, line: socket.socket, barrier: StartBarrier
) -> None:
    """Make this process's Prefect use these answers, for its one run; ``line`` is to the worker."""
    results: Any = prefect.results
    results._read_server_default_result_storage_block_id = lambda: answers.result_storage  # noqa: SLF001 -- see above
    _related_resources(answers.related)
    if answers.token is not None:
        share(answers.token)
    StartBatching(flow_run, claimed=barrier.wait, began=lambda: report(line, BEGUN)).install()
    before_more_tasks(barrier.hold)
    engine: Any = prefect.flow_engine
    engine.observe_flow_run_suspension = Suspension(flow_run.id, line, barrier)


def share_authorities() -> None:
    """Load the certificate authorities of Prefect's clients now: each would load its own."""
    file = _authorities_file()
    loaded = ssl.create_default_context(cafile=file)

    def usual(init: Callable[..., None]) -> Callable[..., None]:
        def __init__(self: Any, api: Any, **more: Any) -> None:  # noqa: N807 -- it is one
            settings = more.pop("httpx_settings", None) or {}
            # a run's environment may name others, or none
            if _authorities_file() == file and not PREFECT_API_TLS_INSECURE_SKIP_VERIFY.value():
                settings = {"verify": loaded, **settings}
            init(self, api, httpx_settings=settings, **more)

        return __init__

    for kind in (PrefectClient, SyncPrefectClient):
        changed: Any = kind
        changed.__init__ = usual(changed.__init__)


def _authorities_file() -> str:
    return PREFECT_API_SSL_CERT_FILE.value() or certifi.where()


def keep_validators() -> None:
    """Let the validator of a flow's parameters, made when it is loaded, serve its runs as well."""
    flows: Any = prefect.flows
    make = flows.ValidatedFunction
    made: dict[Callable[..., Any], Any] = {}

    def kept(function: Callable[..., Any], config: Any = None) -> Any:
        if function not in made:
            made[function] = make(function, config)
        return made[function]

    flows.ValidatedFunction = kept


def _related_resources(related: dict[str, dict[str, Any]]) -> None:
    """Fill the cache of what each event names beside its run."""
    for key, content in related.items():
        kind = key.partition(".")[0]
        entry: Any = {"kind": kind, "object": _RELATED[kind].model_validate(content)}
        now: Any = datetime.now(UTC)
        prefect.events.related.RESOURCE_CACHE[key] = entry, now


def share(shared: Token) -> None:
    """
    Begin with the worker's CSRF token, and with an identity of its own after that.

    The server knows one token for each client: renewing the shared one would take it from all.
    """
    began: WeakSet[Any] = WeakSet()

    def own(add: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def add_headers(client: Any, request: Any) -> Any:
            if client not in began:
                began.add(client)
                client.csrf_client_id, client.csrf_token = shared.client, shared.token
                client.csrf_token_expiration = shared.expiration
            if client.csrf_client_id == shared.client and (
                client.csrf_token is None or datetime.now(UTC) > shared.expiration
            ):
                client.csrf_client_id, client.csrf_token = uuid4(), None
            return add(client, request)

        return add_headers

    for kind in (PrefectHttpxSyncClient, PrefectHttpxAsyncClient):
        changed: Any = kind
        changed._add_csrf_headers = own(changed._add_csrf_headers)  # noqa: SLF001 -- see above


def before_more_tasks(pause: Callable[[], None]) -> None:
    """Call ``pause`` whenever the run gets on, but for the start of its first task."""
    first: UUID | None = None
    engine: Any = prefect.task_engine
    emit = engine.emit_task_run_state_change_event

    def emit_then_pause(**event: Any) -> Any:
        nonlocal first
        emitted = emit(**event)
        task_run = event["task_run"].id
        first = first or task_run
        if task_run != first or event["validated_state"].is_final():
            pause()
        return emitted

    engine.emit_task_run_state_change_event = emit_then_pause


def report(line: socket.socket, word: bytes) -> None:
    """Send the worker a sign of how far the run is."""
    with contextlib.suppress(OSError):  # the worker is gone; the run is not
        line.sendall(word)


class Suspension:
    """
    In the place of Prefect's observer of suspensions: the worker observes for all its processes.

    Once the worker is gone, Prefect's own takes over.
    """

    def __init__(self, flow_run_id: UUID, line: socket.socket, barrier: StartBarrier) -> None:
        self._flow_run_id = flow_run_id
        self._line = line
        self._barrier = barrier

    @contextlib.contextmanager
    def __call__(self, flow_run_id: UUID, request: Any) -> Iterator[None]:
        """Observe as Prefect would; another run than ours is Prefect's own affair."""
        if flow_run_id != self._flow_run_id:
            with compatibility.observe_flow_run_suspension(flow_run_id, request):
                yield
            return
        ended = threading.Event()
        context = contextvars.copy_context()
        listening = threading.Thread(
            target=context.run, args=(self._listen, request, ended), daemon=True
        )
        listening.start()
        try:
            yield
        finally:
            ended.set()

    def _listen(self, request: Any, ended: threading.Event) -> None:
        with contextlib.suppress(OSError), self._line.makefile("rb") as lines:
            for line in lines:
                text = line.decode().strip()
                if self._barrier.receive(text):
                    continue
                state: State[Any] = State.model_validate_json(line)
                if not compatibility.mark_flow_run_suspension_requested(self._flow_run_id, state):
                    request.mark_requested(state)
        self._barrier.lose()
        if not ended.is_set():
            with compatibility.observe_flow_run_suspension(self._flow_run_id, request):
                ended.wait()
