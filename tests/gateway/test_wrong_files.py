"""A sources.yaml that is wrong or hostile: one sentence, and what was valid goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.registry import Registry
from cct_ops.gateway.senders.keys import read_keys

GOOD = """\
sources:
  one: {{kind: alertmanager, keys: [{{file: {key}}}], repeat_interval_seconds: 1,
    group_interval_seconds: 1}}
"""
LAUGHS = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
HOSTILE = {
    "empty": "",
    "a list": "[]",
    "no source": "sources: {}",
    "a key that is a list": "? [a, b]\n: c\n",
    "a key that is a map": "? {a: b}\n: c\n",
    "itself": "sources: &s {one: *s}",
    "itself in a list": "&s [*s]",
    "laughs": LAUGHS,
    "depth": "[" * 50_000,
    "an object": "sources: !!python/object/apply:os.system [true]",
    "a tab": "sources:\n\tone: x",
    "nul": "sources: \0",
    "a control": "sources: \x07",
    "two documents": "sources: {}\n---\nsources: {}\n",
    "a date": "sources: {2026-99-99: x}",
    "our own name": GOOD.replace("one:", "cct-ops:").format(key="x"),
    "a name for two": GOOD.replace("one:", "../one:").format(key="x"),
    "a setting that is none": GOOD.format(key="x") + "limits: 3\n",
    "both schemes": "sources: {j: {kind: json, user: u, signature: {header: x,"
    " timestamp_header: null}, keys: [{env: K}], fields: {status: s, firing: [f], incident: [i],"
    " labels: {a: b}}}}",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_it_is_refused_in_one_sentence(content: str, tmp_path: Path) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(content)
    with pytest.raises(BadConfiguration) as caught:
        yaml_files.load(path, Sources)

    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < 2000


def test_a_deep_file_is_refused_for_its_depth(tmp_path: Path) -> None:
    """Before the time is spent that its depth would take, although it is well-formed."""
    path = tmp_path / "sources.yaml"
    path.write_text("sources: " + "[" * 60 + "]" * 60)

    with pytest.raises(BadConfiguration, match="nested too deeply"):
        yaml_files.load(path, Sources)


@pytest.mark.parametrize("kind", ["folder", "pipe", "large", "bytes", "gone"])
def test_a_key_that_is_no_file_of_text_is_refused(kind: str, tmp_path: Path) -> None:
    """Neither does it wait for a pipe to which nobody writes, nor read without end."""
    key, path = tmp_path / "key", tmp_path / "sources.yaml"
    match kind:
        case "folder":
            key.mkdir()
        case "pipe":
            os.mkfifo(key)
        case "large":
            key.write_bytes(b"x" * 1_000_000)
        case "bytes":
            key.write_bytes(b"\xff" * 40)
    path.write_text(GOOD.format(key=key))

    with pytest.raises(BadConfiguration, match="source one"):
        read_keys(path, yaml_files.load(path, Sources))


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_running_gateway_keeps_what_was_valid(content: str, tmp_path: Path) -> None:
    """Whatever is put in its place; and the next good one counts."""
    key, path = tmp_path / "key", tmp_path / "sources.yaml"
    key.write_text("k" * 30)
    path.write_text(GOOD.format(key=key))
    registry = Registry(path)
    path.write_text(content)

    assert not registry.refresh()
    assert list(registry.current.sources.sources) == ["one"]
    path.write_text(GOOD.replace("one:", "two:").format(key=key))
    assert registry.refresh()
    assert list(registry.current.sources.sources) == ["two"]
