"""The limits of each playbook, and the guards that stop it: deployments/policy.yaml."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, PlainSerializer, field_validator, model_validator

from cct_ops.config.audit_streams import StreamPlace
from cct_ops.config.secret_references import is_url
from cct_ops.config.sources import SecretReference
from cct_ops.config.versions import Versioned
from cct_ops.config.yaml_files import load, place
from cct_ops.errors import BadConfiguration
from cct_ops.models.autonomy import AutonomySettings
from cct_ops.models.base import Frozen, Minutes, Pattern
from cct_ops.models.guards import GuardSettings
from cct_ops.models.maintenance import ClockTime, Window
from cct_ops.models.plan import Plan
from cct_ops.models.run import Mode, Severity


class PlaybookPolicy(Frozen):
    """
    The rules for one playbook; ``ceiling`` is the most that any start of it may do.

    It changes no target that ``targets`` does not list. Bad fixes from before ``clean_since`` no
    longer lower what it may do: that is how a person gives trust back.
    """

    ceiling: Mode
    targets: tuple[Pattern, ...] = ()
    clean_since: AwareDatetime | None = None


class TemporaryChanges(Frozen):
    """The longest duration of a weakening, and when an overdue one raises an alarm."""

    longest_minutes: Minutes = Field(240, gt=0)
    alarm_after_minutes: Minutes = Field(5, gt=0)


class SecondPerson(Frozen):
    """Which plans need two persons, neither of them the one who started the run."""

    severities: tuple[Severity, ...] = ()
    playbooks: tuple[str, ...] = ()
    irreversible: bool = True

    def reason(self, plan: Plan, severity: Severity) -> str | None:
        """Say why this plan needs a second person; None when one is enough."""
        if severity in self.severities:
            return f"policy asks for two persons at {severity}"
        if plan.playbook in self.playbooks:
            return f"policy asks for two persons for {plan.playbook}"
        if self.irreversible and plan.irreversible:
            return "policy asks for two persons where a step cannot be undone"
        return None


class ApprovalPolicy(Frozen):
    """
    Whose yes counts.

    ``accept_form`` lets Prefect's form count although it proves no identity: for one machine that
    nobody else can reach. It never counts where a second person is needed.
    """

    accept_form: bool = False
    second_person: SecondPerson = SecondPerson()


class WitnessPlace(Frozen):
    """
    One witness: a file that is only appended to, a git repository, or one that cosigns over HTTP.

    A relative path is in the folder of the log's key. A repository is a clone that is there
    already; where its branch has an upstream, each checkpoint is pushed. ``key`` is the public key
    of the one over HTTP, and ``token`` refers to what it wants to see of callers, if anything.
    """

    file: Path | None = None
    git: Path | None = None
    http: str | None = None
    key: str | None = None
    token: SecretReference | None = None

    @model_validator(mode="after")
    def _be_one_of_them(self) -> Self:
        if sum(each is not None for each in (self.file, self.git, self.http)) != 1:
            raise ValueError("name either file, git or http")
        if self.http is not None and not is_url(self.http):
            raise ValueError("http: is no address that begins with http:// or https://")
        if (self.http is None) != (self.key is None):
            raise ValueError("http and key belong together: it prints its key at its start")
        if self.token is not None and self.http is None:
            raise ValueError("only a witness over http takes a token")
        return self


class TimeStamps(Frozen):
    """
    An authority that says when a checkpoint was there at the latest (RFC 3161).

    ``certificates`` is a PEM file with the root that its signature leads to, and those between that
    it does not send itself; a relative one is in the folder of the log's key.
    """

    url: str
    certificates: Path
    every_minutes: Minutes = Field(60, gt=0)

    @field_validator("url")
    @classmethod
    def _be_an_address(cls, url: str) -> str:
        if not is_url(url):
            raise ValueError("this is no address that begins with http:// or https://")
        return url


class AuditPolicy(Frozen):
    """Where the log's checkpoints go besides the ledger, who stamps them, and where events go."""

    witnesses: tuple[WitnessPlace, ...] = ()
    time_stamps: TimeStamps | None = None
    streams: tuple[StreamPlace, ...] = ()

    @model_validator(mode="after")
    def _one_name_each(self) -> Self:
        names = [each.name for each in self.streams]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two streams are called {', '.join(repeated)}")
        return self


class FollowUpPolicy(Frozen):
    """From when on people are reminded each day, in UTC, and whether each is an issue on GitHub."""

    remind_at: Annotated[
        ClockTime, PlainSerializer(lambda at: f"{at:%H:%M}", return_type=str, when_used="json")
    ] = time(8)
    github_issues: bool = False


class Policy(Versioned):
    """The rules for all playbooks, by deployment name."""

    playbooks: dict[str, PlaybookPolicy]
    guards: GuardSettings = GuardSettings()
    maintenance: tuple[Window, ...] = ()
    autonomy: AutonomySettings = AutonomySettings()
    temporary_changes: TemporaryChanges = TemporaryChanges()
    approvals: ApprovalPolicy = ApprovalPolicy()
    audit: AuditPolicy = AuditPolicy()
    follow_ups: FollowUpPolicy = FollowUpPolicy()

    def of(self, playbook: str) -> PlaybookPolicy:
        """Return the playbook's rules; one that the policy does not name may only observe."""
        return self.playbooks.get(playbook, PlaybookPolicy(ceiling=Mode.OBSERVE))

    def ceiling(self, playbook: str) -> Mode:
        """Return the playbook's ceiling."""
        return self.of(playbook).ceiling


def read(path: Path) -> Policy:
    """Read the policy; raises ``BadConfiguration`` with file, line and reason."""
    policy = load(path, Policy)
    for at, name in enumerate(policy.approvals.second_person.playbooks):
        if name not in policy.playbooks:
            where = place(path, "approvals", "second_person", "playbooks", at)
            raise BadConfiguration(
                f"{where}: approvals.second_person.playbooks.{at}: is none of the playbooks that"
                " the file names above, so nobody would ever be the second person for it."
            )
    return policy
