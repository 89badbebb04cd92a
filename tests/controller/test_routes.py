"""Which playbook an incident gets, and with which parameters; what a wrong file is answered."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from cct_ops.controller.parameters import (
    IntegerParameter,
    Parameter,
    RouteParameter,
    StringParameter,
    Unfit,
    convert,
)
from cct_ops.controller.routes import Routes, read_routes
from cct_ops.errors import BadConfiguration
from cct_ops.models.matchers import Matchers, parse
from cct_ops.models.run import Mode
from tests.config.refusing import refusal
from tests.conftest import ROOT

LABELS = {"alertname": "CanaryRolledBack", "route": "/daily-summary", "source": "spoofed"}

FILE = """\
rules:
  - name: rolled-back
    match:
      - alertname="CanaryRolledBack"
    playbook: auto-rollback
    mode: auto
    parameters:
      target: {label: route, type: route}
  - name: everything-else
    notify: true
"""


@pytest.mark.parametrize(
    ("written", "holds"),
    [
        ('alertname="CanaryRolledBack"', True),
        ('alertname = "Canary"', False),
        ('alertname!="Canary"', True),
        ('alertname=~"Canary"', False),  # the whole value, not a part
        ('alertname=~"Canary.*"', True),
        ('alertname=~"Slo|CanaryRolledBack"', True),
        ('alertname!~"Canary.*"', False),
        ('route=~"/.+"', True),
        ('absent=""', True),
        ('absent=~".+"', False),
        ('absent!="x"', True),
        ('source="alertmanager"', True),  # our name of the sender, whatever its labels say
        (r'route=~"/\\w+-\\w+"', True),
    ],
)
def test_matchers_are_those_of_alertmanager(written: str, holds: bool) -> None:
    """The same words mean the same thing in both configurations."""
    matcher = Matchers.model_validate(written)

    assert matcher.matches(LABELS | {"source": "alertmanager"}) is holds


@pytest.mark.parametrize(
    "written",
    [
        "route",
        'route=="x"',
        'route="x',
        'route="x"y',
        'r=~"("',
        'r=~"(?=x)"',  # Python knows it, RE2 does not
        r'r=~"x\\Z"',
        r'"\x"="x"',
        '""="x"',
        "{,}",
        'r="\ud800"',
        7,
    ],
)
def test_a_matcher_that_cannot_be_read_is_refused(written: object) -> None:
    """A guess could match everything."""
    with pytest.raises(ValidationError):
        Matchers.model_validate(written)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        # Both parsers read these alike.
        ('a="b"', ["a = b"]),
        ('{a="b", c!~"d,e"}', ["a = b", "c !~ d,e"]),
        (' a = "b" , c != d , ', ["a = b", "c != d"]),
        ("a=b", ["a = b"]),
        (r'a="say \"b\""', ['a = say "b"']),
        # Only the one for any name reads these.
        ('"host.name"="web"', ["host.name = web"]),
        ("host.name=web", ["host.name = web"]),
        ("{größe=~a.*}", ["größe =~ a.*"]),
        (r'"a\u0020\x62"=c', ["a b = c"]),
        # Only the classic one reads these, or they differ and its reading holds.
        ("a=", ["a = "]),
        ("a=~~~", ["a =~ ~~"]),
        ("a=b c", ["a = b c"]),
        (r'a="\d"', [r"a = \d"]),
        (r'a="\t"', [r"a = \t"]),
        (r'a=~"\d+"', [r"a =~ \d+"]),
        ("{a=b}}", ["a = b}"]),
        ('{a="b"', ["a = b"]),
    ],
)
def test_a_matcher_is_read_as_both_parsers_of_alertmanager_read_it(
    written: str, read: list[str]
) -> None:
    assert [f"{each.label} {each.operator} {each.value}" for each in parse(written)] == read


@pytest.mark.parametrize(
    ("written", "value", "holds"),
    [
        ('a=~"[[:alpha:]]+"', "abc", True),
        ('a=~"[[:alpha:]]+"', "a", True),
        ('a=~"[[:alpha:]]+"', "a]", False),
        ('a=~"Node(?i)down"', "NodeDOWN", True),
        ('a=~"Node(?i)down"', "NODEdown", False),
        (r'a=~"\\Qa.b\\E"', "a.b", True),
        (r'a=~"\\Qa.b\\E"', "axb", False),
        (r'a=~"\\d"', "\u0665", False),
        (r'a=~"\\pL+"', "ä", True),
        ('a=~"x"', "x\n", False),
        ('a=~"x."', "x\n", False),
        ('a=~"(?s)x."', "x\n", True),
        ('a=~"x|"', "", True),
        ('a!~"x|"', "", False),
    ],
)
def test_an_expression_has_the_meaning_of_re2(written: str, value: str, holds: bool) -> None:
    assert Matchers.model_validate(written).matches({"a": value}) is holds


def test_one_entry_may_hold_several_conditions_and_all_of_them_count() -> None:
    entry = Matchers.model_validate('{alertname=~"Canary.*", "route"!="/x"}')

    assert entry.matches(LABELS)
    assert not entry.matches(LABELS | {"route": "/x"})


def test_the_first_rule_that_matches_decides() -> None:
    """As deployed: a rolled-back canary is repaired, a breach asks first, the rest is reported."""
    routes = read_routes(ROOT / "deployments" / "routes.yaml")

    def decided(**labels: str) -> tuple[str | None, Mode | None]:
        rule = routes.rule_for("alertmanager", labels)
        return rule.playbook, rule.mode

    assert decided(**LABELS) == ("auto-rollback", Mode.AUTO)
    assert decided(alertname="HighLatency", route="/x") == ("auto-rollback", Mode.APPROVE)
    assert decided(alertname="SLOBurnRate", route="/x") == ("auto-rollback", Mode.APPROVE)
    assert decided(alertname="CanaryRolledBack") == (None, None)
    assert decided(alertname="Watchdog", route="/x") == (None, None)


def test_a_label_cannot_pose_as_the_source() -> None:
    """The sender's name is what its key proves."""
    rules = [
        {"name": "a", "match": ['source="spoofed"'], "playbook": "p", "mode": "auto"},
        {"name": "b", "notify": True},
    ]

    assert Routes.model_validate({"rules": rules}).rule_for("alertmanager", LABELS).name == "b"


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("mode: auto\n", "mode: yolo\n", "6: rules.0.mode: Input should be 'observe', 'approve'"),
        ('="Canary', " Canary", '4: rules.0.match.0: write a matcher as label="value"'),
        ('="Canary', '=~"(?=Canary', "4: rules.0.match.0: not a regular expression of RE2"),
        (
            "target: {label: route, type: route}",
            r"target: {label: x, type: string, pattern: 'a\Z'}",
            "8: rules.0.parameters.target.string: not a regular expression of RE2",
        ),
        ("type: route", "type: url", "8: rules.0.parameters.target: Input tag 'url'"),
        ("    notify: true\n", "    match: []\n", "9: rules.1: a rule needs playbook: and mode:"),
        ("    mode: auto\n", "    notify: true\n", "2: rules.0: a rule either starts"),
        ("target:", "mode:", "2: rules.0: mode is given to every run already"),
        ("everything-else", "rolled-back", "1: two rules are called rolled-back"),
        (
            "  - name: everything-else\n    notify: true\n",
            "",
            "1: the last rule must have no match: and notify: true",
        ),
        (
            '- alertname="CanaryRolledBack"\n',
            '- "{}"\n',
            "1: rolled-back matches everything, so no rule after it ever counts",
        ),
        (
            '    match:\n      - alertname="CanaryRolledBack"\n',
            "",
            "1: rolled-back matches everything, so no rule after it ever counts",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_line_and_reason(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    """A controller with half of its rules would do half of its work, silently."""
    path = tmp_path / "routes.yaml"
    refused = refusal(read_routes, path, FILE.replace(right, wrong))

    assert refused.startswith(f"{path}:{said}")


def test_a_rule_for_an_unknown_playbook_is_refused(tmp_path: Path) -> None:
    """prefect.yaml is the registry of playbooks."""
    (tmp_path / "deployments").mkdir()
    path = tmp_path / "deployments" / "routes.yaml"
    path.write_text(FILE)
    registry = tmp_path / "prefect.yaml"

    registry.write_text("deployments:\n  - name: auto-rollback\n    tags: [x]\n")
    assert read_routes(path).rules[0].playbook == "auto-rollback"
    registry.write_text("deployments:\n  - name: another\n")
    with pytest.raises(BadConfiguration, match=r":5: there is no playbook auto-rollback"):
        read_routes(path)


PARAMETERS: dict[str, Parameter] = {
    "target": RouteParameter(type="route", label="route"),
    "host": StringParameter(type="string", label="host", pattern="[a-z0-9-]+", max_length=20),
    "count": IntegerParameter(type="integer", label="count", minimum=1, maximum=50),
}
FITTING = {"route": "/daily-summary", "host": "web-1", "count": "50"}


def test_parameters_are_plain_scalars() -> None:
    """Prefect interprets objects, so it gets none; a subclass of str is not plain either."""
    converted = convert(PARAMETERS, FITTING)

    assert converted == {"target": "/daily-summary", "host": "web-1", "count": 50}
    assert [type(value) for value in converted.values()] == [str, str, int]


@pytest.mark.parametrize(
    ("label", "value", "reason"),
    [
        ("route", "/nowhere", "label route is not a route of CCT"),
        ("route", "/daily-summary\n", "label route is not a route of CCT"),
        ("route", '{"__prefect_kind": "jinja"}', "label route is not a route of CCT"),
        ("host", "web 1", "label host does not have the prescribed form"),
        ("host", "web-1\n", "label host does not have the prescribed form"),
        ("host", "$(touch x)", "label host does not have the prescribed form"),
        ("host", "x" * 21, "label host is longer than 20 characters"),
        ("host", "web-\u0663", "label host does not have the prescribed form"),
        ("host", "", "label host does not have the prescribed form"),
        ("count", "0", "label count is not between 1 and 50"),
        ("count", "51", "label count is not between 1 and 50"),
        ("count", "1.5", "label count is not a whole number"),
        ("count", "٣", "label count is not a whole number"),
        ("count", "9" * 5000, "label count is not a whole number"),
    ],
)
def test_a_label_that_does_not_fit_is_passed_on_in_no_form(
    label: str, value: str, reason: str
) -> None:
    """Labels are text that others may influence; the reason does not repeat it."""
    with pytest.raises(Unfit) as caught:
        convert(PARAMETERS, FITTING | {label: value})
    assert str(caught.value) == reason


def test_a_missing_label_does_not_fit() -> None:
    """There is no default target."""
    with pytest.raises(Unfit, match="there is no label route"):
        convert(PARAMETERS, {})
