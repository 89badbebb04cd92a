"""The latest deployments, from GitHub, for a canary that was pulled."""

from __future__ import annotations

import re

from prefect import task
from prefect.cache_policies import NO_CACHE

from cct_ops.diagnoses.deployment import WORKFLOW, Deployment
from cct_ops.errors import OpsError
from tasks.connections import github_reader

RECENT_RUNS = 10
LOG_LINES = 8

# GitHub puts the moment before each line of a log.
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ")


@task(cache_policy=NO_CACHE, persist_result=False)
def probe_deployment() -> Deployment:
    """
    Read the latest deployments, the log's end, and what changed since the last good one.

    Not retried, and what goes wrong is a fact among others: a canary is put back without GitHub.
    """
    try:
        with github_reader() as github:
            seen = Deployment(
                runs=github.workflow_runs(WORKFLOW, RECENT_RUNS), branch=github.default_branch()
            )
            if seen.current is None:
                return seen
            log = [_STAMP.sub("", line) for line in github.log_tail(seen.current.id, LOG_LINES)]
            between = (
                github.compare(seen.last_good.head_sha, seen.current.head_sha)
                if seen.last_good
                else None
            )
            return seen.model_copy(update={"log": tuple(log), "between": between})
    except OpsError as error:
        return Deployment(problem=str(error))
