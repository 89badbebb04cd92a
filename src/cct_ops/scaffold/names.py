"""The names that a new playbook is made of, checked before anything is written."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.util import find_spec

from pydantic.alias_generators import to_pascal

from cct_ops.errors import BadConfiguration

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ENDPOINT = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*/[a-z][a-z0-9]*(-[a-z0-9]+)*")
LONGEST = 32


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of CCT below ``/api/v1/``: its family and its verb."""

    path: str

    @property
    def family(self) -> str:
        """The part before the slash."""
        return self.path.partition("/")[0]

    @property
    def verb(self) -> str:
        """The part after the slash."""
        return self.path.partition("/")[2]


@dataclass(frozen=True)
class Names:
    """The names of a new playbook; raises ``BadConfiguration`` for a name that cannot be one."""

    name: str
    probe: Endpoint | None
    action: Endpoint | None
    when: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or len(self.name) > LONGEST:
            raise BadConfiguration(
                f"{self.name!r} is no name for a playbook: take small letters, digits and single"
                f" hyphens, a letter first, {LONGEST} characters at most, such as cache-warming."
            )
        if keyword.iskeyword(self.snake) or find_spec(self.snake) is not None:
            raise BadConfiguration(
                f"{self.name} cannot be a playbook: Python has a module {self.snake} already, and"
                " a flow file of that name would be taken for it. Choose another name."
            )
        for each in filter(None, (self.probe, self.action)):
            if not _ENDPOINT.fullmatch(each.path) or len(each.path) > LONGEST:
                raise BadConfiguration(
                    f"{each.path!r} is no endpoint: name the family and the verb of one below"
                    f" /api/v1/, {LONGEST} characters at most, such as cache/status."
                )
        if self.action and not self.probe:
            raise BadConfiguration(
                f"{self.action.path} needs a probe beside it (--probe {self.action.family}/status):"
                " a write is believed only when a read has shown its effect."
            )
        if self.probe and self.action and self.probe.family != self.action.family:
            raise BadConfiguration(
                f"{self.probe.path} and {self.action.path} are of two families: what the action"
                " changes must be what the probe reads."
            )
        if self.probe and self.probe == self.action:
            raise BadConfiguration(f"{self.probe.path} cannot be both the probe and the action.")
        if not self.when.strip() or len(self.when) > 60 or not self.when.isprintable():
            raise BadConfiguration("Say in one line of at most 60 characters when it is needed.")
        if set(self.when) & set("\"'\\{}:#|"):
            raise BadConfiguration("When it is needed is said without quotes and special signs.")

    @property
    def snake(self) -> str:
        """The name of its modules and functions."""
        return self.name.replace("-", "_")

    def words(self) -> dict[str, object]:
        """Return what the templates speak of."""
        probe, action = self.probe, self.action
        camel, when = to_pascal(self.snake), self.when.strip().rstrip(".")
        given: dict[str, object] = {
            "name": self.name,
            "snake": self.snake,
            "camel": camel,
            "alert": camel,
            "spoken": self.name.replace("-", " ").capitalize(),
            "when": when[:1].upper() + when[1:],
            "probe": probe and probe.path,
            "action": action and action.path,
            "seen": "Condition" if probe else "CanaryConfig",
            "blast": "the page that it is about" if action else "one issue in CCT's repository",
            "deed": "Find out what is wrong with a page and, once allowed, "
            + ("make it good again" if action else "open an issue about it"),
        }
        if probe:
            read = f"{probe.family}_{probe.verb}".replace("-", "_")
            given |= {
                "family": probe.family,
                "family_snake": probe.family.replace("-", "_"),
                "family_spoken": probe.family.replace("-", " ").capitalize(),
                "read": read,
                "shape": to_pascal(read),
                "probe_verb": probe.verb.replace("-", "_"),
                "probe_verb_wire": probe.verb,
            }
        if action:
            method = f"{action.verb}_{action.family}".replace("-", "_")
            given |= {
                "method": method,
                "action_class": to_pascal(method),
                "action_verb": action.verb.replace("-", "_"),
                "action_verb_wire": action.verb,
            }
        return given
