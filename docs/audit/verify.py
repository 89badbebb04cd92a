"""
Verify an export of a cct-ops transparency log: ``python verify.py FILE --key KEY``.

It needs Python and ``cryptography``, nothing of cct-ops, no network, no database. What witnesses
have seen (``--witness``, ``--witness-key``) also shows what was changed by somebody who holds both
the database and the log's key. It prints what is wrong, one line each, and ends with 1 if any is.
"""

import argparse
import base64
import hashlib
import json
import sys
from functools import reduce
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MALFORMED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


def sha256(*parts):
    """Hash the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def root_by_proof(at, size, hashed, proof):
    """RFC 6962, section 2.1.1: the root to which a proof of inclusion leads, or None."""
    if size <= 1 or not proof:
        return hashed if (at, size, proof) == (0, 1, []) else None
    left = 1 << (size - 1).bit_length() - 1  # so many leaves are below the left node
    below = (at, left) if at < left else (at - left, size - left)
    root = root_by_proof(*below, hashed, proof[:-1])
    return root and sha256(b"\x01", *((root, proof[-1]) if at < left else (proof[-1], root)))


def public_key(text):
    """C2SP signed-note: take a public key, or a file with one; raises ValueError if it is none."""
    text = Path(text).read_text("utf-8-sig") if Path(text).is_file() else text
    name, key_id, key = text.strip().split("+", 2)
    if sha256(name.encode(), b"\n", base64.b64decode(key, validate=True))[:4].hex() != key_id:
        raise ValueError
    return text.strip()


def is_signed(note, key, kind=b"\x01"):
    """C2SP signed-note, tlog-cosignature: whether a note has a right signature of this key."""
    name, key_id, written = key.split("+", 2)
    public = base64.b64decode(written)
    text, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        signer, _, value = line.removeprefix("— ").partition(" ")
        try:
            raw, signed = base64.b64decode(value, validate=True), f"{text}\n"
            if kind == b"\x04":  # of a witness, which says when
                signed = f"cosignature/v1\ntime {int.from_bytes(raw[4:12], 'big')}\n{signed}"
            if (signer, raw[:4].hex(), public[:1]) == (name, key_id, kind):
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(raw[-64:], signed.encode())
                return True
        except (InvalidSignature, ValueError):
            continue
    return False


def checkpoint_of(note):
    """C2SP tlog-checkpoint: the origin, the number of leaves and the root."""
    origin, size, root = note.partition("\n\n")[0].split("\n")[:3]
    return origin, int(size[:19]), base64.b64decode(root, validate=True)


def read_witness(path):
    """Return the hash of each leaf that a witness saw, and when it saw each checkpoint."""
    hashes, checkpoints, edge = [], {}, []
    for number, line in enumerate(Path(path).read_bytes().splitlines(), start=1):
        try:
            said = json.loads(line)
            raw, checkpoint = base64.b64decode(said["leaves"]), checkpoint_of(said["checkpoint"])
        except MALFORMED:
            continue  # cut off by a kill; what it was to say stands in the next line
        for begin in range(0, len(raw), 32):
            hashes.append(raw[begin : begin + 32])
            edge, left = [*edge, hashes[-1]], len(hashes) - 1
            while left % 2:
                edge[-2:], left = [sha256(b"\x01", *edge[-2:])], left // 2
        last = b"".join(edge[-1:])
        root = reduce(lambda below, beside: sha256(b"\x01", beside, below), edge[-2::-1], last)
        if checkpoint[1:] != (len(hashes), root):
            sys.exit(f"{path}, line {number}: its checkpoint is not over its leaves")
        checkpoints[checkpoint] = str(said.get("at"))
    return hashes, checkpoints


def read_leaf(text, rows):
    """Say of which row a leaf speaks, and what it must not say after what came before, if any."""
    try:
        said = json.loads(text)
        name = ascii(f"{said['operation']} of {said['kind']} {said['key']} at {said['at']}")[1:-1]
        if said["operation"] == "delete":
            return name, "the row was deleted, and nothing of cct-ops deletes one"
        first = rows.setdefault((said["kind"], said["key"]), said["row"])
        return name, "it was written over" if first != said["row"] else None
    except MALFORMED:
        return "unreadable", "it cannot be read"


def checkpoint_in(line, key, noted, cosigners, complain):
    """Return the size and the root of the export's checkpoint; complain of what is wrong."""
    size, root = 0, b""
    try:
        said = json.loads(line)
        note, stamp = said["checkpoint"], said.get("time_stamp")
        origin, size, root = checkpoint_of(note)
        if origin != key.partition("+")[0] or not is_signed(note, key):
            complain("the checkpoint is not signed by the key")
        if noted is not None and (origin, size, root) not in noted:
            complain(f"the witness has never seen this checkpoint over {size} leaves")
        for each in (each for each in cosigners if not is_signed(note, each, b"\x04")):
            complain(f"the checkpoint over {size} leaves is not cosigned by {each}")
        if stamp is not None:  # on this one, or one before; its signature: `openssl ts -verify`
            note, response = stamp["checkpoint"], base64.b64decode(stamp["response"])
            imprint = sha256(note.partition("\n\n")[0].encode(), b"\n")
            if imprint not in response or not is_signed(note, key):
                complain("the time stamp is not on a checkpoint of this log")
    except MALFORMED:
        complain("line 2 is no checkpoint")
    return size, root


def wanted_of(line, rest, key, size, noted, complain):
    """Return which leaves there must be, as the manifest says; complain of what is wrong."""
    try:
        note = json.loads(line)["manifest"]
        title, digest, said = note.partition("\n\n")[0].split("\n")
        said = json.loads(said)
        if title != "cct-ops audit export 1" or not is_signed(note, key):
            complain("the manifest is not signed by the key")
        if hashlib.sha256(rest).hexdigest() != digest:
            complain("what follows the manifest is not what was signed")
        seen = [each[1] for each, at in (noted or {}).items() if at <= said["made"]]
        if max(seen, default=0) > size:
            complain(f"when it was made, the witness had seen {max(seen)} leaves, and not {size}")
        end = min(size, said.get("from", 0) + len(rest))  # a file has no more leaves than bytes
        return set(range(said["from"], end) if "from" in said else map(int, said["positions"]))
    except MALFORMED:
        complain("line 1 is no manifest of an export")
        return set()


def problems(raw, key, witness=None, cosigners=()):
    """Return everything that is wrong with an export, each in a sentence."""
    found, leaves, rows, before = [], [], {}, -1
    hashes, noted = witness or ([], None)
    first, _, rest = raw.partition(b"\n")
    second, *lines = rest.split(b"\n")
    size, root = checkpoint_in(second, key, noted, cosigners, found.append)
    wanted = wanted_of(first, rest, key, size, noted, found.append)
    for number, line in enumerate(filter(None, lines), start=3):
        try:
            said = json.loads(line)
            proof = [base64.b64decode(each, validate=True) for each in said["proof"]]
            hashed = sha256(b"\x00", said["leaf"].encode())
            leaves.append((int(said["position"]), said["leaf"], hashed, proof))
        except MALFORMED:
            found.append(f"line {number} is no leaf")
    found += [f"leaf {at} is missing" for at in sorted(wanted - {each[0] for each in leaves})]
    for position, text, hashed, proof in leaves:
        name, wrong = read_leaf(text, rows)
        in_place = root_by_proof(position, size, hashed, proof) == root
        checks = {
            "the checkpoint does not have it in this place": not in_place,
            "not as the witness has seen it": hashes[position : position + 1] not in ([], [hashed]),
            "it does not belong into this export": position not in wanted,
            f"it stands behind leaf {before}": position <= before,
            wrong: wrong,
        }
        found += [f"leaf {position}, {name}: {each}" for each, holds in checks.items() if holds]
        before = position
    return found


def main():
    """Verify one file."""
    parser = argparse.ArgumentParser(description="Verify an export of a transparency log.")
    parser.add_argument("file")
    parser.add_argument("--key", required=True, type=public_key, help="the log's, or its file")
    parser.add_argument("--witness", help="the file that a witness kept")
    parser.add_argument("--witness-key", action="append", type=public_key, help="that cosigned")
    given = parser.parse_args()
    try:
        raw, seen = Path(given.file).read_bytes(), given.witness and read_witness(given.witness)
    except OSError as error:
        parser.error(f"{error.filename}: {error.strerror}")
    found = problems(raw, given.key, seen, given.witness_key or ())
    print("\n".join(found) or "Whole: everything is as it was written.")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
