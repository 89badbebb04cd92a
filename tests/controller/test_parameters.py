"""Values that stand in a rule, parts of labels, and what a playbook can be given at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from cct_ops.controller.parameters import Parameter, Unfit, convert
from cct_ops.controller.routes import read_routes
from cct_ops.errors import BadConfiguration
from tests.conftest import ROOT

PARAMETER: TypeAdapter[Parameter] = TypeAdapter(Parameter)


def given(written: str, **labels: str) -> str | int:
    """Return what one parameter, as it is written in routes.yaml, becomes with these labels."""
    parameter = PARAMETER.validate_python(yaml.safe_load(written))
    return convert({"it": parameter}, labels)["it"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("{value: latency}", "latency"),
        ("{type: string, value: latency}", "latency"),
        ("{value: 5}", 5),
        ("{type: integer, value: 5}", 5),
        ("{type: integer, value: 5, minimum: 1, maximum: 5}", 5),
        ("{type: route, value: /daily-summary}", "/daily-summary"),
    ],
)
def test_a_value_can_stand_in_the_rule(written: str, value: str | int) -> None:
    """No label is asked, and Prefect gets a plain scalar."""
    found = given(written, it="something else")

    assert (found, type(found)) == (value, type(value))


TITLE = r"'CanaryRolledBack on (\S+) .*'"


@pytest.mark.parametrize(
    ("written", "label", "value"),
    [
        (
            f"{{type: route, label: it, pattern: {TITLE}}}",
            "CanaryRolledBack on /daily-summary !",
            "/daily-summary",
        ),
        (
            "{type: string, label: it, pattern: '[^/]+/workflows/([a-z]+[.]ya?ml)'}",
            ".github/workflows/deploy.yml",
            "deploy.yml",
        ),
        (
            "{type: string, label: it, pattern: '(?:a|b)(?P<rest>-[0-9]+)', max_length: 3}",
            "a-17",
            "-17",
        ),
        ("{type: string, label: it, pattern: '(?:a|b)-[0-9]+'}", "a-17", "a-17"),
        (
            "{type: integer, label: it, pattern: 'for ([0-9]+) min', minimum: 1, maximum: 30}",
            "for 12 min",
            12,
        ),
        ("{type: string, label: it, pattern: 'ü(.)'}", "üß", "ß"),
    ],
)
def test_a_group_of_the_pattern_is_the_value(written: str, label: str, value: str | int) -> None:
    """Of a text in which the value stands; groups that only hold together take nothing."""
    found = given(written, it=label)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "label", "said"),
    [
        (
            f"{{type: route, label: it, pattern: {TITLE}}}",
            "CanaryRolledBack on /nowhere !",
            "label it is not a route of CCT",
        ),
        (
            f"{{type: route, label: it, pattern: {TITLE}}}",
            "x CanaryRolledBack on /daily-summary !",
            "label it does not have the prescribed form",
        ),
        (
            f"{{type: route, label: it, pattern: {TITLE}}}",
            "",
            "label it does not have the prescribed form",
        ),
        (
            "{type: string, label: it, pattern: 'a(b)?'}",
            "a",
            "label it does not have the prescribed form",
        ),
        (
            "{type: string, label: it, pattern: 'a(.*)', max_length: 3}",
            "abcde",
            "label it is longer than 3 characters",
        ),
        (
            "{type: integer, label: it, pattern: 'a(.*)', minimum: 1, maximum: 9}",
            "a٣",
            "label it is not a whole number",
        ),
        (
            "{type: integer, label: it, pattern: 'a(.*)', minimum: 1, maximum: 9}",
            "a10",
            "label it is not between 1 and 9",
        ),
    ],
)
def test_a_part_that_does_not_fit_is_passed_on_in_no_form(
    written: str, label: str, said: str
) -> None:
    """What others may influence is checked after it was taken."""
    with pytest.raises(Unfit) as caught:
        given(written, it=label)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{type: route}", "either label: or value:"),
        ("{type: route, label: a, value: /daily-summary}", "either label: or value:"),
        ("{type: route, value: /nowhere}", "Input should be '/pre-market-briefing'"),
        ("{type: string, value: x, pattern: x}", "pattern: belongs to a label:"),
        ("{type: string, label: a}", "pattern: is missing"),
        ("{type: string, label: a, pattern: '(a)(b)'}", "more than one group"),
        ("{type: string, label: a, pattern: '('}", "not a regular expression"),
        ("{type: string, value: 5}", "valid string"),
        ("{type: string, value: ''}", "at least 1 character"),
        ('{type: string, value: "a\\nb"}', "cannot be shown"),
        ("{type: integer, value: '5'}", "valid integer"),
        ("{type: integer, value: 7, minimum: 1, maximum: 5}", "not between"),
        ("{type: integer, label: a}", "minimum: and maximum: are missing"),
        ("{type: integer, label: a, minimum: 9, maximum: 1}", "minimum: is larger than maximum:"),
        ("{value: true}", "valid string"),
        ("{value: [x]}", "valid string"),
        ("{value: {__prefect_kind: jinja, template: x}}", "valid string"),
        ("{label: a}", "Unable to extract tag"),
    ],
)
def test_a_parameter_that_says_too_little_or_too_much_is_refused(written: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        given(written)


RULES = """\
rules:
  - name: due
    match:
      - alertname="Due"
    playbook: chaos-experiment
    mode: approve
    parameters:
      chaos: {value: latency}
      minutes: {type: integer, value: 5}
  - name: rolled-back
    match:
      - alertname="Back"
    playbook: auto-rollback
    mode: approve
    parameters:
      target: {type: route, label: title, pattern: 'Back (.*)'}
  - name: everything-else
    notify: true
"""


def written(tmp_path: Path, rules: str) -> Path:
    """Put rules beside our own playbooks."""
    (tmp_path / "deployments").mkdir()
    for name in ("flows", "tasks", "prefect.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = tmp_path / "deployments" / "routes.yaml"
    path.write_text(rules)
    return path


def test_rules_are_checked_against_what_playbooks_take(tmp_path: Path) -> None:
    """Names, those that are needed, and values that stand in the file."""
    assert len(read_routes(written(tmp_path, RULES)).rules) == 3


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("chaos:", "caos:", "8: chaos-experiment has no parameter of this name; it has chaos,"),
        ("value: latency", "value: letency", "8: chaos-experiment does not take this value"),
        ("value: latency", "value: 5", "8: chaos-experiment does not take this value for chaos"),
        ("value: 5", "value: 31", "9: chaos-experiment does not take this value for minutes"),
        ("value: 5", "value: x", "9: rules.0.parameters.minutes.integer.value: Input should be"),
        (
            "    parameters:\n      target: {type: route, label: title, pattern: 'Back (.*)'}\n",
            "",
            "10: auto-rollback needs target",
        ),
        (
            "minutes: {type: integer, value: 5}",
            "minutes: {type: integer, label: m, minimum: 0, maximum: 9}",
            "9: chaos-experiment does not take 0 for minutes, which minimum: lets in; it takes",
        ),
        (
            "minutes: {type: integer, value: 5}",
            "minutes: {type: integer, label: m, minimum: 1, maximum: 31}",
            "9: chaos-experiment does not take 31 for minutes, which maximum: lets in; it takes",
        ),
        (
            "minutes: {type: integer, value: 5}",
            "minutes: {type: string, label: m, pattern: '[0-9]+'}",
            "9: chaos-experiment takes no text for minutes; it takes an integer.",
        ),
        (
            "chaos: {value: latency}",
            "chaos: {type: integer, label: c, minimum: 1, maximum: 2}",
            "8: chaos-experiment does not take 1 for chaos, which minimum: lets in; it takes one",
        ),
        (
            "target: {type: route, label: title, pattern: 'Back (.*)'}",
            "target: {type: route, label: title}\n      p95_latency_ms: {type: route, label: t}",
            "17: auto-rollback takes no text for p95_latency_ms; it takes a number.",
        ),
        ("Back (.*)'", "(B)ack (.*)'", "16: rules.1.parameters.target.route: pattern has more"),
    ],
)
def test_a_rule_that_its_playbook_would_refuse_is_refused_with_its_line(
    tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    """Prefect would refuse each of its runs, one alert after the other."""
    path = written(tmp_path, RULES.replace(right, wrong))

    with pytest.raises(BadConfiguration) as caught:
        read_routes(path)
    assert str(caught.value).startswith(f"{path}:{said}")
