"""Every row's plan is the one of its golden file, and there is no file without a row."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from cct_ops.models.run import Mode
from cct_ops.sandbox.control import SandboxControl
from cct_ops.scenarios.every import ALSO_HANDLERS_ONLY, DRAFTS
from cct_ops.scenarios.scenario import HandlersOnly, Scenario
from tests.flows import test_every_way as matrix
from tests.flows.deployment_run import deployment_run
from tests.flows.golden import FOLDER, path_of
from tests.flows.scenarios import ROWS


@pytest.mark.usefixtures("upkeep", "brisk", "golden")
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_every_row_has_the_same_plan_as_ever(
    row: Scenario, sandbox: SandboxControl, engine: sa.Engine
) -> None:
    row.seed(sandbox)

    with deployment_run(engine, row.playbook, **row.parameters, mode=Mode.OBSERVE.value) as run:
        assert run.work() == "Recommended", run.run().state


def test_there_is_a_golden_file_for_each_test_and_row_and_no_other() -> None:
    of_rows = (
        test_every_row_has_the_same_plan_as_ever,
        matrix.test_it_only_recommends_when_it_observes_and_acts_when_people_approve,
        matrix.test_left_alone_it_acts_and_asks_where_it_must,
        matrix.test_what_cannot_be_verified_is_taken_back_and_never_called_done,
    )
    handlers_only = matrix.test_a_cct_with_only_its_own_handlers_gets_a_clear_outcome
    cases = [*HandlersOnly.of(ROWS), *ALSO_HANDLERS_ONLY]
    expected = {path_of(test.__name__, row) for test in of_rows for row in ROWS if not row.draft}
    expected |= {
        path_of(handlers_only.__name__, case) for case in cases if case.playbook not in DRAFTS
    }

    assert set(FOLDER.rglob("*.json")) == expected
