"""Lets every playbook look at another CCT, in observe mode: no run has the means to change it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from prefect.client.orchestration import SyncPrefectClient, get_client
from pydantic import SecretStr

from cct_ops.clients import deployments
from cct_ops.clients.pacing import Unpaced
from cct_ops.clients.transport import PROTECTED, CctTransport, refuses_key
from cct_ops.errors import BadConfiguration, OpsError, Rejected, Unsupported
from cct_ops.models.run import Mode, Outcome
from cct_ops.rehearsal.result import Rehearsed
from cct_ops.scenarios.every import DRILLED
from cct_ops.scenarios.scenario import Scenario
from cct_ops.stack.config import StackConfig, check_cct_url, problem_with_cct
from cct_ops.stack.prefect_clients import asking
from cct_ops.stack.up import running

PATIENCE_SECONDS = 240.0
_ANSWER_SECONDS = 10.0
_WELL = {Outcome.NOTHING_TO_DO, Outcome.RECOMMENDED, Outcome.RESOLVED, Outcome.BLOCKED}


def place_of(url: str) -> str:
    """Return where it is, without what may be secret in it."""
    return urlsplit(url).netloc.rpartition("@")[2] or url


def with_cct(url: str, playbooks: Sequence[str]) -> Iterator[Rehearsed]:
    """Let each playbook that has an observe mode look at it; each result as it comes."""
    try:
        check_cct_url(url)
    except BadConfiguration as error:
        raise BadConfiguration(
            "--cct-url must be scheme://host[:port] with http or https, as https://cct.example"
        ) from error
    chosen = [
        each for each in DRILLED.values() if each.modes and each.playbook in (playbooks or DRILLED)
    ]
    if not chosen:
        raise BadConfiguration(
            f"{', '.join(playbooks)} has no observe mode, so it cannot only look at a CCT:"
            " name another playbook, or none for all that can"
        )
    key = os.environ.get("X_API_KEY")
    if not key:
        raise BadConfiguration("X_API_KEY is not set: set it to the key of that CCT")
    if (problem := problem_with_cct(url, _ANSWER_SECONDS)) is not None:
        raise BadConfiguration(f"nothing answers there: {problem}")
    _refuse_unless_known(url, key)
    with tempfile.TemporaryDirectory(prefix="cct-ops-rehearsal-") as name:
        config = StackConfig.ephemeral(Path(name), {"CCT_URL": url, "X_API_KEY": key})
        with running(config) as stack, asking(stack.env), get_client(sync_client=True) as client:
            for scenario in chosen:
                yield looked(client, scenario)


def _refuse_unless_known(url: str, key: str) -> None:
    """Raise where CCT does not take the key: each playbook would only see that, and lock it out."""
    with CctTransport(url, SecretStr(key), Unpaced(), _ANSWER_SECONDS) as transport:
        try:
            transport.read(PROTECTED)
        except Rejected as error:
            if not refuses_key(error):
                raise
            fix = "Set X_API_KEY to a key of that CCT; this one was tried only once"
            raise BadConfiguration(f"{error} {fix}") from None
        except Unsupported as error:
            raise BadConfiguration(f"{error} Check that --cct-url points to CCT") from None


def looked(client: SyncPrefectClient, scenario: Scenario) -> Rehearsed:
    """Let one playbook look, and say whether it understood what it saw."""
    began, problem = time.monotonic(), None
    try:
        given = {**scenario.drilled, "mode": Mode.OBSERVE.value}
        run = deployments.start(scenario.playbook, given, key=str(uuid4()), client=client)
        while (state := client.read_flow_run(run).state) is None or not state.is_final():
            if time.monotonic() - began > PATIENCE_SECONDS:
                problem = f"It did not end within {PATIENCE_SECONDS:g} s."
                break
            time.sleep(0.5)
        else:
            if state.name not in {each.value for each in _WELL}:
                problem = f"It ended with {state.name}: {state.message or ''}"[:500]
    except OpsError as error:
        problem = str(error)
    return Rehearsed(
        kind="playbook", name=scenario.playbook, problem=problem, seconds=time.monotonic() - began
    )
