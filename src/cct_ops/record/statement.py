"""
Statements about runs that existing tools read: in-toto Statements in signed DSSE envelopes.

Everything in one is taken from the log's leaves, whose digests it names: whoever has an export
finds them there.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cct_ops.ledger.record.log import Leaf
from cct_ops.record.canonical import canonical
from cct_ops.record.notes import Checkpoint, Signer, Verifier

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:cct-ops:predicate:runs:v1"
PAYLOAD = "application/vnd.in-toto+json"

# What is said of each row about a run, by its table.
_FIELDS = {
    "decisions": "verdict mode reason guard plan_digest policy_digest policy_commit decided_at",
    "approvals": "state approver authenticated requested_at decided_at",
    "permits": "kind plan_digest issued_at closed_at",
    "temporary_changes": "call state until ended_at",
    "verifications": "verdict reason verified_at",
}
_OF_A_RUN = "playbook target incident_id"
_OF_ITS_END = "outcome reason finished_at"
_OF_AN_ACTION = "call state intended_at confirmed_at"

Row = dict[str, Any]


def statement(leaves: Sequence[Leaf], note: str) -> dict[str, Any]:
    """Return what these leaves say, in which the last about each row counts."""
    last = {(leaf.kind, leaf.row_key): json.loads(leaf.leaf) for leaf in leaves}
    rows: dict[str, list[Row]] = {}
    for (kind, _), said in last.items():
        rows.setdefault(kind, []).append({**said.get("row", {}), **said.get("state", {})})
    predicate = {
        "checkpoint": note,
        "deliveries": [
            _some(row, "id source body_sha256 received_at") for row in rows.get("deliveries", [])
        ],
        "runs": list(_runs(rows)),
    }
    return {
        "_type": STATEMENT,
        "subject": [*_plans(rows), *_leaves(leaves, Checkpoint.parse(note).origin)],
        "predicateType": PREDICATE,
        "predicate": predicate,
    }


def envelope(said: dict[str, Any], signer: Signer) -> str:
    """Return a statement in an envelope that the log's key has signed, as one line."""
    payload = canonical(said)
    signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD), PAYLOAD.encode(), len(payload), payload)
    signature = Ed25519PrivateKey.from_private_bytes(signer.seed).sign(signed)
    made = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD,
        "signatures": [
            {"keyid": key_id(signer.verifier), "sig": base64.b64encode(signature).decode()}
        ],
    }
    return json.dumps(made, separators=(",", ":")) + "\n"


def key_id(verifier: Verifier) -> str:
    """Return the id by which in-toto's tools know a public key, who calculate it themselves."""
    key = {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": verifier.key.hex()}}
    return hashlib.sha256(canonical(key)).hexdigest()


def _runs(rows: dict[str, list[Row]]) -> Iterator[Row]:
    """Yield what is known of each run, in the order of their ids."""
    about = {str(row["run_id"]) for kind in ("resolutions", *_FIELDS) for row in rows.get(kind, [])}
    for run_id in sorted(about):
        mine = {
            kind: [row for row in rows.get(kind, []) if row["run_id"] == run_id] for kind in _FIELDS
        }
        ended = [row for row in rows.get("resolutions", []) if row["run_id"] == run_id]
        named = [*ended, *mine["decisions"], *mine["approvals"], *mine["permits"]]
        permits = {row["id"] for row in mine["permits"]}
        done = [row for row in rows.get("actions", []) if row["permit_id"] in permits]
        yield {
            "run_id": run_id,
            **(_some(named[0], _OF_A_RUN) if named else {}),
            **(_some(ended[0], _OF_ITS_END) if ended else {}),
            **{
                kind: [_some(row, fields) for row in mine[kind]] for kind, fields in _FIELDS.items()
            },
            "actions": [_some(row, _OF_AN_ACTION) for row in done],
        }


def _plans(rows: dict[str, list[Row]]) -> Iterator[Row]:
    """Yield each plan that was decided about, by its digest."""
    seen = {
        row["plan_digest"]: f"plan of {row['playbook']} for {row['target']}"
        for row in rows.get("decisions", [])
        if row.get("plan_digest")
    }
    for digest, name in seen.items():
        yield {"name": name, "digest": {"sha256": digest}}


def _leaves(leaves: Sequence[Leaf], origin: str) -> Iterator[Row]:
    """Yield each leaf, by the digest of what it says."""
    for leaf in leaves:
        digest = hashlib.sha256(leaf.leaf.encode()).hexdigest()
        name = f"{origin} leaf {leaf.position}: {leaf.kind} {leaf.row_key}"
        yield {"name": name, "digest": {"sha256": digest}}


def _some(row: Row, names: str) -> Row:
    """Return these fields of a row, as far as they are known."""
    return {name: row[name] for name in names.split() if row.get(name) is not None}
