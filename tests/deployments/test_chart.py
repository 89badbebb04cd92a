"""The chart is sound to Helm and to Kubernetes, and its pods can do little but their work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from cct_ops.stack.part_names import PartName
from tests.deployments.tools import FOLDER, KUBERNETES, PYTHON, needs_tools, output
from tests.generated_docs import variables

pytestmark = needs_tools

CHART = FOLDER / "chart"
LEAST = {"cct": {"url": "https://cct.example"}}
MOST = LEAST | {
    "rules": {"policy.yaml": "ceiling: observe\n", "board.yaml": "{}\n"},
    "env": {"CCT_OPS_WATCH_SECONDS": 60},
    "image": {"repository": "registry.example/cct-ops", "tag": "@sha256:" + "0" * 64},
    "ingress": {"enabled": True, "tlsSecret": "tls", "className": "nginx"},
    "networkPolicy": {"metricsFrom": [{"namespaceSelector": {}}], "from": [{"podSelector": {}}]},
    "reviews": {"existingClaim": "reviews"},
    "tolerations": [{"key": "ops", "operator": "Exists"}],
}
# The oldest that Chart.yaml names, and the newest that the checker knows.
VERSIONS = ("1.29", "1.37")


def rendered(values: dict[str, Any]) -> list[dict[str, Any]]:
    script = Path(__file__).with_name("chart.py")
    text = output(PYTHON, script, CHART, told=json.dumps(values))
    return [each for each in yaml.safe_load_all(text) if each]


@pytest.fixture(scope="module")
def least() -> list[dict[str, Any]]:
    """All objects, with nothing chosen but what must be."""
    return rendered(LEAST)


@pytest.fixture(scope="module")
def most() -> list[dict[str, Any]]:
    """All objects, with everything chosen that there is."""
    return rendered(MOST)


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The specification of each pod, with the part that it is."""
    for each in objects:
        if each["kind"] in {"Deployment", "Job"}:
            template = each["spec"]["template"]
            yield template["metadata"]["labels"]["app.kubernetes.io/component"], template["spec"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("chosen", ["least", "most"])
def test_kubernetes_knows_every_field(
    version: str, chosen: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    objects = request.getfixturevalue(chosen)
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all(objects))

    said = output(KUBERNETES, "--strict", "--no-warn", "--kubernetes-version", version, path)

    assert said.count("passed for resource") == len(objects)


def test_every_part_of_ours_is_there_twice(least: list[dict[str, Any]]) -> None:
    """Prefect's servers come with Prefect's own chart."""
    parts = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]["replicas"]
        for each in least
        if each["kind"] == "Deployment"
    }
    budgets = [each for each in least if each["kind"] == "PodDisruptionBudget"]

    ours = {part for part in get_args(PartName) if not part.startswith("prefect-")}
    assert parts == dict.fromkeys(ours, 2)
    assert len(budgets) == len(parts)


@pytest.mark.parametrize("chosen", ["least", "most"])
def test_a_pod_can_do_little_but_its_work(chosen: str, request: pytest.FixtureRequest) -> None:
    """What Kubernetes calls restricted, and a root that nobody writes to."""
    seen = set()
    for part, pod in pods(request.getfixturevalue(chosen)):
        (container,) = pod["containers"]
        inside = container["securityContext"]
        seen.add(part)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert inside["readOnlyRootFilesystem"] is True
        assert inside["allowPrivilegeEscalation"] is False
        assert inside["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]
        mounts = {each["name"] for each in container["volumeMounts"]}
        assert mounts == {each["name"] for each in pod["volumes"]}
        if part not in {"migrate", "deploy"}:
            assert "startupProbe" in container
            assert "livenessProbe" in container
    assert seen == {"gateway", "controller", "board", "worker", "migrate", "deploy"}


def test_no_secret_stands_in_an_object(most: list[dict[str, Any]]) -> None:
    """They are mounted from one Secret, and each part is given its own."""
    given = {}
    for part, pod in pods(most):
        (volume,) = [each for each in pod["volumes"] if each["name"] == "secrets"]
        (source,) = volume["projected"]["sources"]
        given[part] = {item["key"] for item in source["secret"]["items"]}
        names = {each["name"] for each in pod["containers"][0]["env"]}
        assert names & set().union(*given.values()) == set()
        assert all("valueFrom" not in each for each in pod["containers"][0]["env"])

    assert [each for each in most if each["kind"] == "Secret"] == []
    assert "PREFECT_API_AUTH_STRING" not in given["gateway"], "it has no business with Prefect"
    assert {part for part, keys in given.items() if "approvals" in keys} == {"gateway"}
    assert given["deploy"] == {"PREFECT_API_AUTH_STRING"}


def test_every_variable_is_one_that_there_is(most: list[dict[str, Any]]) -> None:
    known = {*variables(), "CCT_OPS_SECRETS_PATH", "PREFECT_API_URL"}
    set_here = {each["name"] for _, pod in pods(most) for each in pod["containers"][0]["env"]}

    assert set_here - known == set()
    assert {"CCT_OPS_POLICY_PATH", "CCT_OPS_BOARD_PATH"} < set_here


def test_a_worker_has_time_and_a_value_without_meaning_is_refused() -> None:
    objects = rendered({**LEAST, "workerGraceSeconds": 600})
    worker = dict(pods(objects))["worker"]
    env = {each["name"]: each["value"] for each in worker["containers"][0]["env"]}

    assert env["CCT_OPS_WORKER_GRACE_SECONDS"] == "600"
    assert worker["terminationGracePeriodSeconds"] == 630, "and then a moment to end what is left"
    for wrong in (
        {},
        {**LEAST, "replicas": 3},
        {**LEAST, "board": {"url": "http://board.example"}},
    ):
        with pytest.raises(AssertionError, match="schema"):
            rendered(wrong)
