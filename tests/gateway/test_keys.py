"""Keys: by reference only, all of a source's are valid, and none of another's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from cct_ops.config import yaml_files
from cct_ops.config.sources import Sources
from cct_ops.errors import BadConfiguration
from cct_ops.gateway.registry import Registry
from cct_ops.gateway.senders.authentication import token
from cct_ops.gateway.senders.keys import Key, read_keys, shared
from cct_ops.gateway.senders.parsed_delivery import Received

OLD, NEW, OTHER = "old-" + "a" * 24, "new-" + "b" * 24, "other-" + "c" * 24
KEYS = {
    "one": (Key("old", SecretStr(OLD)), Key("new", SecretStr(NEW))),
    "two": (Key("other", SecretStr(OTHER)),),
}

FILE = """\
sources:
  one:
    kind: alertmanager
    keys:
      - env: ONE_KEY
      - file: {path}
    repeat_interval_seconds: 14400
    group_interval_seconds: 300
"""


@pytest.mark.parametrize(
    ("source", "headers", "admitted"),
    [
        ("one", [f"Bearer {OLD}"], True),
        ("one", [f"bearer  {NEW} "], True),
        ("one", [f"Bearer {OTHER}"], False),
        ("two", [f"Bearer {OLD}"], False),
        ("one", [f"Basic {OLD}"], False),
        ("one", [OLD], False),
        ("one", ["Bearer schlüssel\udcff"], False),
        ("one", [], False),
        ("one", [f"Bearer {OLD}", f"Bearer {OLD}"], False),
    ],
)
def test_a_source_is_entered_with_its_own_keys(
    source: str, headers: list[str], admitted: bool
) -> None:
    """While a key is being replaced the old and the new one are both valid."""
    received = Received([("authorization", each) for each in headers], b"", datetime.now(UTC))

    assert (token(received, KEYS[source], None) is not None) is admitted


def test_keys_come_from_variables_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mounted secret often ends with a line break that is not part of it."""
    monkeypatch.setenv("ONE_KEY", OLD)
    secret, path = tmp_path / "secret", tmp_path / "sources.yaml"
    secret.write_text(f"{NEW}\n")
    path.write_text(FILE.format(path=secret))

    keys = read_keys(path, yaml_files.load(path, Sources))

    assert [key.secret.get_secret_value() for key in keys["one"]] == [OLD, NEW]


def test_a_missing_key_file_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the error knows which line to look at."""
    monkeypatch.setenv("ONE_KEY", OLD)
    path = tmp_path / "sources.yaml"
    path.write_text(FILE.format(path=tmp_path / "gone"))

    with pytest.raises(BadConfiguration) as caught:
        read_keys(path, yaml_files.load(path, Sources))

    assert str(caught.value) == (
        f"{path}:6: the key of source one cannot be read from the file {tmp_path / 'gone'}:"
        " No such file or directory."
    )


def test_sources_with_one_key_are_named() -> None:
    """Whoever has it can pose as both; the gateway says so when it reads them."""
    key = Key("old", SecretStr(OLD))

    assert shared(KEYS) == []
    assert shared(KEYS | {"three": (key,), "four": (key,)}) == [["four", "one", "three"]]


def test_a_key_has_one_place(tmp_path: Path) -> None:
    """Two places for one key would leave open which of them counts."""
    path = tmp_path / "sources.yaml"
    path.write_text(FILE.format(path="x\n        env: TWO"))

    with pytest.raises(BadConfiguration, match=r"sources\.yaml:6: .*either env: or file:"):
        yaml_files.load(path, Sources)


def test_a_change_that_lacks_a_file_counts_once_it_is_there(tmp_path: Path) -> None:
    """The order in which two files are put in place does not matter."""
    (tmp_path / "old").write_text(OLD)
    path = tmp_path / "sources.yaml"
    once = FILE.replace("      - env: ONE_KEY\n", "")
    path.write_text(once.format(path=tmp_path / "old"))
    registry = Registry(path)
    path.write_text(once.format(path=tmp_path / "new"))

    assert not registry.refresh()
    assert [key.name for key in registry.current.keys["one"]] == [str(tmp_path / "old")]
    (tmp_path / "new").write_text(NEW)
    assert registry.refresh()
    assert [key.secret.get_secret_value() for key in registry.current.keys["one"]] == [NEW]
    assert not registry.refresh()


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_short", "not base64 at all, but long enough"])
def test_a_key_of_standard_webhooks_is_long_and_base64(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip while copying is found at the start."""
    monkeypatch.setenv("ONE_KEY", key)
    path = tmp_path / "sources.yaml"
    fields = "{status: s, firing: [f], incident: [i], labels: {a: b}}"
    source = f"{{kind: standard-webhooks, keys: [{{env: ONE_KEY}}], fields: {fields}}}"
    path.write_text(f"sources:\n  one: {source}\n")

    with pytest.raises(BadConfiguration, match="source one"):
        read_keys(path, yaml_files.load(path, Sources))
