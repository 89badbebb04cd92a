"""The key of approvers' links is made on first use, and only the gateway is told where it is."""

from __future__ import annotations

from pathlib import Path

from cct_ops.gateway.approvals.links import read_key
from cct_ops.stack.assembly import assemble
from cct_ops.stack.config import StackConfig


def test_only_the_gateway_knows_where_the_key_is(tmp_path: Path) -> None:
    config = StackConfig.ephemeral(tmp_path, env={"CCT_URL": "", "CCT_OPS_APPROVAL_KEY_FILE": ""})

    plan = assemble(config, 0).plan

    told = {part.name for part in plan.parts if part.program.env.get("CCT_OPS_APPROVAL_KEY_FILE")}
    key = tmp_path / "keys" / "approvals"
    assert told == {"gateway"}
    assert len(read_key(key).get_secret_value()) >= 32
    assert key.stat().st_mode & 0o077 == 0


def test_what_the_operator_gives_goes_to_the_gateway_alone(tmp_path: Path) -> None:
    given = {
        "CCT_OPS_APPROVAL_KEY_FILE": str(tmp_path / "own-key"),
        "CCT_OPS_SLACK_SIGNING_SECRET": "8f742231b10e8888abcd99yyyzzz85a5",
    }
    config = StackConfig.ephemeral(tmp_path, env={"CCT_URL": "", **given})

    parts = assemble(config, 0).plan.parts

    for name, value in given.items():
        assert {part.name: part.program.env.get(name) for part in parts} == {
            part.name: value if part.name == "gateway" else None for part in parts
        }
    assert not (tmp_path / "keys" / "approvals").exists()
