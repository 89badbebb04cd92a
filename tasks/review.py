"""Writing a post-incident review from the record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from cct_ops.errors import BadConfiguration
from cct_ops.ledger.record import history
from cct_ops.ledger.record.history import Story
from cct_ops.reports.links import run_link
from cct_ops.reports.render import artifact_key
from cct_ops.reports.review import review
from tasks.connections import ledger, settings

MOST_VERSIONS = 100


@task(cache_policy=NO_CACHE, persist_result=False)
def read_story(run_id: UUID | None, incident_id: UUID | None) -> Story:
    """
    Read what the ledger has of a run's incident, or of an incident.

    Raises ``BadConfiguration`` when nothing is named, or what is named is not known.
    """
    if run_id is not None:
        story = history.of_run(ledger(), run_id)
    elif incident_id is not None:
        story = history.of_incident(ledger(), incident_id)
    else:
        raise BadConfiguration("Name a run or an incident to review.")
    if story is None:
        raise BadConfiguration(f"The ledger knows no {run_id or incident_id}.")
    return story


@task(cache_policy=NO_CACHE, persist_result=False)
def write_review(story: Story) -> Path:
    """Write the review as an artifact and as a new file; return the file's path."""
    now = datetime.now(UTC)
    links = {str(run.id): run_link(run.id) for run in story.runs}
    text = review(story, now, links)
    subject = story.incident.id if story.incident else story.runs[0].id
    create_markdown_artifact(
        key=artifact_key("post-incident-review", str(subject)),
        description="Post-incident review: the record's part is filled in.",
        markdown=text,
    )
    return _write(f"{now:%Y-%m-%d}-{subject}", text)


def _write(name: str, text: str) -> Path:
    """Write into a file that is not there yet: people may have filled in the others."""
    folder = settings().reviews_path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for version in range(1, MOST_VERSIONS):
            path = folder / f"{name}{f'-{version}' if version > 1 else ''}.md"
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(text)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise BadConfiguration(
            f"{folder}: a review cannot be written there ({error.strerror}): set"
            " CCT_OPS_REVIEWS_PATH to a folder that can be written."
        ) from error
    raise BadConfiguration(f"{folder} holds {MOST_VERSIONS} reviews of {name}: move some away.")
