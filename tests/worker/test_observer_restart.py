"""What an outage of Prefect's server leaves behind in a worker that lives through it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker.relay import relay
from tests.worker.running import Pool, until
from tests.worker.test_runs import pid_of

# What Prefect says when it has stopped to look, for good.
GAVE_UP = "flow run cancellation will fail"


@pytest.mark.timeout(300)  # Prefect takes half a minute to give up
def test_a_run_can_be_cancelled_after_an_outage_in_which_prefect_gave_that_up(
    own_pool: Pool, tmp_path: Path
) -> None:
    with relay(own_pool.api_url) as line, own_pool.worker(PREFECT_API_URL=line.url) as worker:
        run = own_pool.create(own_pool.deploy("hold"), folder=str(tmp_path))
        pid_of(tmp_path)
        line.cut()
        until(lambda: GAVE_UP in worker.said(), 90)
        line.mend()

        own_pool.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})

        assert own_pool.ended(run, 60)["type"] == "CANCELLED"
        until((tmp_path / "cancelled").exists)
