"""Writing a post-incident review from the record."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from cct_ops.errors import BadConfiguration
from cct_ops.models.review import Review
from cct_ops.record.review import page, picture, reading
from cct_ops.reports.chart import data_uri
from cct_ops.reports.links import run_link
from cct_ops.reports.render import artifact_key
from cct_ops.reports.review import review
from tasks.connections import ledger, settings

MOST_VERSIONS = 100


@task(cache_policy=NO_CACHE, persist_result=False)
def read_review(about: UUID) -> Review:
    """
    Read what the ledger has of a run's incident, or of an incident.

    Raises ``BadConfiguration`` when what is named is not known.
    """
    found = reading.read(ledger(), about, run_link)
    if found is None:
        raise BadConfiguration(f"The ledger knows no {about}.")
    return found


@task(cache_policy=NO_CACHE, persist_result=False)
def write_review(found: Review) -> Path:
    """Write the review as an artifact and as new files; return the path of the one to fill in."""
    now = datetime.now(UTC)
    # Prefect shows an image that carries itself, and nothing of an SVG inside of Markdown.
    shown = review(found, now, data_uri(picture.wide(found, alone=True)))
    subject = found.account.id
    create_markdown_artifact(
        key=artifact_key("post-incident-review", str(subject)),
        description="Post-incident review: the record's part is filled in.",
        markdown=shown,
    )
    return _write(f"{now:%Y-%m-%d}-{subject}", review(found, now), page.render(found, now))


def _write(name: str, text: str, html: str) -> Path:
    """Write into files that are not there yet: people may have filled in the others."""
    folder = settings().reviews_path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for version in range(1, MOST_VERSIONS):
            path = folder / f"{name}{f'-{version}' if version > 1 else ''}.md"
            try:
                for each, content in ((path.with_suffix(".html"), html), (path, text)):
                    with each.open("x", encoding="utf-8") as file:
                        file.write(content)
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise BadConfiguration(
            f"{folder}: a review cannot be written there ({error.strerror}): set"
            " CCT_OPS_REVIEWS_PATH to a folder that can be written."
        ) from error
    raise BadConfiguration(f"{folder} holds {MOST_VERSIONS} reviews of {name}: move some away.")
