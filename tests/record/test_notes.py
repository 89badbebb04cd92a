"""Checkpoints and keys are those of C2SP: ours are read elsewhere, and others' are read here."""

from __future__ import annotations

import base64

import pytest

from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.record.notes import Checkpoint, Signer, Verifier

# Published by Go's checksum database, and its key by Go itself.
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
GO_SIGNATURE = (
    "Az3gri/oVBN1jAhNZ/iS+W31psFAWRT20/GyrhpU6taFwulQGetBkH5S7wpGXdS935jiIGiUUAXBVHzT/P6fYhqAmAk="
)
GO_NOTE = f"""\
go.sum database tree
63096908
8lHrQPRYe4KT4WQ9/Qk8/taKnD6IRHbFgfN7vQE2Y54=

— sum.golang.org {GO_SIGNATURE}
"""


def test_a_checkpoint_of_another_log_is_read() -> None:
    verifier = Verifier.parse(GO_KEY)

    assert verifier.signed(GO_NOTE)
    checkpoint = Checkpoint.parse(GO_NOTE)
    assert (checkpoint.origin, checkpoint.size) == ("go.sum database tree", 63096908)
    assert str(verifier) == GO_KEY


@pytest.mark.parametrize("there", ["go.sum", "63096908", "8lHr", "Az3gri/oV", "\n\n— sum"])
def test_any_change_to_a_note_voids_its_signature(there: str) -> None:
    changed = GO_NOTE.replace(there, there[:-1] + ("x" if there[-1] != "x" else "y"))

    assert changed != GO_NOTE
    assert not Verifier.parse(GO_KEY).signed(changed)


def test_what_we_sign_is_verified_by_the_key_that_is_published() -> None:
    signer = Signer.new("log.example/cct-ops")
    body = Checkpoint("log.example/cct-ops", 3, b"\x07" * 32).body()

    note = signer.sign(body)

    assert Verifier.parse(str(signer.verifier)).signed(note)
    assert Signer.parse(str(signer)).sign(body) == note
    assert Checkpoint.parse(note).body() == body
    assert not Signer.new("log.example/cct-ops").verifier.signed(note)
    assert str(signer) not in repr(signer)


def test_a_signature_beside_others_counts() -> None:
    """Witnesses add theirs to the same note."""
    log, witness = Signer.new("log"), Signer.new("witness")
    body = Checkpoint("log", 0, b"\x00" * 32).body()

    note = log.sign(body) + witness.sign(body).partition("\n\n")[2]

    assert log.verifier.signed(note)
    assert witness.verifier.signed(note)


@pytest.mark.parametrize(
    "text",
    [
        *("", "origin\n", "origin\n01\n" + base64.b64encode(b"\x00" * 32).decode() + "\n"),
        *("origin\n1\nAAAA\n", "origin\n1\n???\n", "\n1\nAAAA\n"),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(ContractBroken, match="no checkpoint"):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+AAAA", GO_KEY.replace("033de0ae", "033de0af")]
)
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(BadConfiguration, match="verifier key"):
        Verifier.parse(text)
