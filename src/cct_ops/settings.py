"""
All settings, from the environment, in one place.

The runbook's own names ``CCT_URL``, ``X_API_KEY``, ``SLACK_WEBHOOK_URL`` and such work as they are;
everything else is prefixed ``CCT_OPS_``. There is no default that points at a real system.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from cct_ops.databases import Databases
from cct_ops.errors import BadConfiguration
from cct_ops.listeners import Listeners
from cct_ops.models.base import Count, Days, Minutes, Seconds

_PREFIX = "Value error, "  # pydantic's, before the words of a check of ours


class Settings(BaseSettings, Databases, Listeners):
    """The settings of a deployment; each field's description says what it does."""

    model_config = SettingsConfigDict(
        env_prefix="CCT_OPS_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
    )

    cct_url: HttpUrl | None = Field(
        None,
        validation_alias="CCT_URL",
        description="The CCT that is operated, as scheme://host[:port].",
    )
    x_api_key: SecretStr | None = Field(
        None, validation_alias="X_API_KEY", description="CCT's API key."
    )
    slack_webhook_url: SecretStr | None = Field(
        None,
        validation_alias="SLACK_WEBHOOK_URL",
        description="Where messages for people go; without it none are sent.",
    )
    slack_bot_token: SecretStr | None = Field(
        None,
        validation_alias="SLACK_BOT_TOKEN",
        description="Slack's token of our bot (`xoxb-…`, scope `chat:write`); with it each"
        " incident is one thread, and the webhook is for what Slack refuses of the bot.",
    )
    slack_channel: str | None = Field(
        None,
        min_length=1,
        description="The channel in which our bot makes its threads; it must be a member.",
    )
    slack_api_url: HttpUrl = Field(
        HttpUrl("https://slack.com/api/"),
        description="Slack's Web API; it is asked nothing while there is no token.",
    )
    grafana_url: HttpUrl | None = Field(
        None, description="The canary dashboard that reports link to; without it no link."
    )
    gh_token: SecretStr | None = Field(
        None, validation_alias="GH_TOKEN", description="GitHub's token."
    )
    github_repository: str | None = Field(
        None,
        validation_alias="GITHUB_REPOSITORY",
        description="CCT's repository on GitHub, as owner/name.",
    )
    github_api_url: HttpUrl = Field(
        HttpUrl("https://api.github.com"),
        validation_alias="GITHUB_API_URL",
        description="GitHub's REST API; it is asked nothing while the two above are not set.",
    )
    alertmanager_url: HttpUrl | None = Field(
        None, description="Whose silences keep automation off; without it none are asked for."
    )

    requests_per_minute: Count = Field(
        30, ge=2, description="CCT's limit per address (its own default: 30 in 60 s)."
    )
    requests_kept_for_writes: Count = Field(
        6,
        ge=1,
        description="How many of them reads leave free for changes, fewer than all; half is for"
        " looks after one.",
    )
    request_timeout_seconds: Seconds = Field(10, gt=0, description="For one answer of CCT.")

    watch_seconds: Seconds = Field(
        300, gt=0, description="How long a repaired canary is watched before it counts as fixed."
    )
    min_samples: Count = Field(
        50, ge=1, description="Canary requests that must be seen in the watch window."
    )
    settle_seconds: Seconds = Field(
        60, ge=0, description="How long CCT's reads may lag behind a write (eventual consistency)."
    )
    lock_wait_seconds: Seconds = Field(
        900, ge=0, description="How long a run waits for another run's change on the same target."
    )
    lease_seconds: Seconds = Field(
        120, gt=0, description="How long a run without a sign of life still counts as alive."
    )
    fault_lease_seconds: Seconds = Field(
        20, gt=0, description="How long injected faults outlive the last sign of life of their run."
    )
    start_seconds: Seconds = Field(
        300,
        gt=0,
        description="How long a run may take from Pending to its first sign of life; a work pool"
        " that pulls images needs more.",
    )
    approval_minutes: Minutes = Field(
        15, gt=0, description="How long a request for approval stays open."
    )

    reviews_path: Path = Field(
        Path(".cct-ops/reviews"),
        description="Where post-incident reviews are written; a mounted folder in a container.",
    )
    record_path: Path | None = Field(
        None,
        description="The folder with the transparency log's key, `log.key`; `cct-ops up` makes both"
        " in its data folder. Without it no checkpoint is signed.",
    )
    warm_processes: Count = Field(
        2, ge=0, description="How many processes of the warm worker wait, ready to take a run."
    )
    worker_grace_seconds: Seconds = Field(
        0,
        ge=0,
        description="How long a warm worker that is told to stop (SIGTERM) waits for the end of its"
        " runs, before it ends them; a run that watches its change needs minutes. For a worker that"
        " is started alone: `cct-ops up` waits for none.",
    )

    keep_bodies_days: Days = Field(
        90,
        ge=1,
        description="How long the body of an understood delivery is kept; its digest stays.",
    )
    keep_runs_days: Days = Field(
        90,
        ge=1,
        description="How long `cct-ops up` lets Prefect keep runs that are over, and their logs.",
    )
    keep_events_days: Days = Field(
        7, ge=1, description="How long `cct-ops up` lets Prefect keep its events."
    )

    prefect_ui_url: HttpUrl | None = Field(
        None,
        description="Where people reach Prefect's UI, for links; default: `PREFECT_UI_URL`."
        " `cct-ops up` also sets it in Prefect as the address of its UI.",
    )
    command: str = Field(
        "cct-ops",
        description="How `cct-ops` is typed where people read our messages; `cct-ops up` sets what "
        "works in the project's folder.",
    )
    approval_key_file: Path | None = Field(
        None,
        description="The gateway's key for approvers' links; without it the gateway sends none.",
    )
    slack_signing_secret: SecretStr | None = Field(
        None, description="Slack's signing secret of our app; without it its buttons are refused."
    )
    slack_response_base: HttpUrl = Field(
        HttpUrl("https://hooks.slack.com/"),
        description="The only place to which the gateway answers a press of a button.",
    )
    sources_path: Path = Field(Path("deployments/sources.yaml"), description="Who may send alerts.")
    routes_path: Path = Field(Path("deployments/routes.yaml"), description="Alert to playbook.")
    policy_path: Path = Field(Path("deployments/policy.yaml"), description="What each may do.")
    approvers_path: Path = Field(Path("deployments/approvers.yaml"), description="Who may approve.")
    contacts_path: Path = Field(
        Path("deployments/contacts.yaml"),
        description="Who is on call, and the status page; what it refers to is read from the "
        "controller's environment.",
    )
    heartbeat_url: SecretStr | None = Field(
        None,
        description="The dead man's switch outside: called each minute while all parts are well; it"
        " alarms when the calls stop.",
    )

    @field_validator("requests_kept_for_writes")
    @classmethod
    def _leave_some_for_reads(cls, kept: int, known: ValidationInfo) -> int:
        limit = known.data.get("requests_per_minute")
        if limit is not None and kept >= limit:
            raise ValueError(f"Input should be less than CCT_OPS_REQUESTS_PER_MINUTE, {limit}")
        return kept

    @model_validator(mode="before")
    @classmethod
    def _blank_is_not_set(cls, given: dict[str, Any]) -> dict[str, Any]:
        """Blanks around a value mean nothing, and a value of blanks is none."""
        stripped = {k: v.strip() if isinstance(v, str) else v for k, v in given.items()}
        return {name: value for name, value in stripped.items() if value != ""}

    @classmethod
    def load(cls) -> Self:
        """
        Read the environment.

        Raises ``BadConfiguration`` that names the variable and what is wrong with it; the value
        itself is not repeated, because it may be a secret.
        """
        try:
            return cls()
        except ValidationError as error:
            problems = "; ".join(
                f"{variable_of(str(problem['loc'][0]))}: {problem['msg'].removeprefix(_PREFIX)}"
                for problem in error.errors(include_input=False, include_url=False)
            )
            raise BadConfiguration(f"Wrong setting in the environment: {problems}.") from None

    def cct(self) -> tuple[str, SecretStr]:
        """Return CCT's base URL without a trailing slash, and its key; both must be set."""
        if self.cct_url is None:
            raise BadConfiguration("CCT_URL is not set: set it to the CCT to operate.")
        if self.x_api_key is None:
            raise BadConfiguration("X_API_KEY is not set: set it to the key of that CCT.")
        return str(self.cct_url).rstrip("/"), self.x_api_key

    def github(self) -> tuple[str, str, SecretStr]:
        """Return GitHub's API, the repository and the token; the latter two must be set."""
        if self.github_repository is None:
            raise BadConfiguration("GITHUB_REPOSITORY is not set: set it to owner/name.")
        if self.gh_token is None:
            raise BadConfiguration("GH_TOKEN is not set: set it to a token of that repository.")
        return str(self.github_api_url).rstrip("/"), self.github_repository, self.gh_token

    def slack_bot(self) -> tuple[SecretStr, str, str] | None:
        """Return our bot's token, its channel and Slack's API; None where there is no bot."""
        if self.slack_bot_token is None:
            return None
        if self.slack_channel is None:
            raise BadConfiguration(
                "CCT_OPS_SLACK_CHANNEL is not set: name the channel in which the bot of"
                " SLACK_BOT_TOKEN speaks."
            )
        return self.slack_bot_token, self.slack_channel, f"{self.slack_api_url}".rstrip("/") + "/"


def variable_of(field: str) -> str:
    """Return the environment variable behind a field, or behind one of its aliases."""
    return field if field.isupper() else f"CCT_OPS_{field.upper()}"
