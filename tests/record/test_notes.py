"""Checkpoints and keys are those of C2SP: ours are read elsewhere, and others' are read here."""

from __future__ import annotations

import base64
import runpy
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cct_ops.errors import BadConfiguration, ContractBroken
from cct_ops.record.cosignatures import Cosigner
from cct_ops.record.notes import Checkpoint, Signer, Verifier
from tests.conftest import ROOT

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

# A log of certificates, with the cosignatures of public witnesses; all of them publish their keys.
COSIGNED = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev \
ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— transparency.dev/DEV:witness-little-garden \
2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
— witness1.smartit.nu/witness1 \
pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de \
2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
— witness.stagemole.eu \
Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""
COSIGNED_BY = (
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
)
WITNESSES = (
    "transparency.dev/DEV:witness-little-garden+d8042a87+BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv",
)

is_signed: Callable[..., bool] = runpy.run_path(str(ROOT / "docs/audit/verify.py"))["is_signed"]
WITNESS = b"\x04"  # the kind of a key that cosigns


@pytest.mark.parametrize("key", WITNESSES)
def test_a_cosignature_of_another_witness_is_read_by_both(key: str) -> None:
    cosigner = Cosigner.parse(key)

    assert Verifier.parse(COSIGNED_BY).signed(COSIGNED)
    assert is_signed(COSIGNED, COSIGNED_BY)
    assert cosigner.cosigned_at(COSIGNED) == datetime(2026, 5, 23, 21, 50, 24, tzinfo=UTC)
    assert is_signed(COSIGNED, key, WITNESS)
    assert not is_signed(COSIGNED, COSIGNED_BY, WITNESS)
    assert str(cosigner) == key


@pytest.mark.parametrize("there", ["arche", "1432088532", "U7WM", "AAABq", "rAWfB"])
def test_any_change_voids_a_cosignature(there: str) -> None:
    """Of the checkpoint, of the time, or of the signature; the log's own is no cosignature."""
    changed = COSIGNED.replace(there, there[:-1] + "x")

    assert changed != COSIGNED
    assert Cosigner.parse(WITNESSES[2]).cosigned_at(changed) is None
    assert not is_signed(changed, WITNESSES[2], WITNESS)
    with pytest.raises(BadConfiguration, match="witness's key is not"):
        Cosigner.parse(COSIGNED_BY)
    with pytest.raises(BadConfiguration, match="damaged"):
        Cosigner.parse(WITNESSES[2].replace("da77ade7", "da77ade8"))


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
