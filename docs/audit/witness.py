"""
A witness for cct-ops transparency logs: ``python witness.py FOLDER --name NAME --log KEY``.

Run it where nobody who holds the log's database or key can get at it. It needs Python and the
package ``cryptography`` and nothing of cct-ops. It speaks C2SP tlog-witness
(``POST /add-checkpoint``) and signs C2SP cosignatures (Ed25519, with the time), for the logs whose
keys it was given, and never one that does not go on from what it has cosigned before. What that was
is on the disk before the answer leaves. ``GET /`` says what it has seen.
"""

import argparse
import base64
import fcntl
import hashlib
import hmac
import json
import os
import re
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LOG, COSIGNER = b"\x01", b"\x04"
MOST_BYTES = 64 * 1024
SECONDS = 30
NAME = re.compile(r"[^\s+]+")
LENGTH = re.compile(r"[0-9]{1,9}")
REQUEST = re.compile(r"old (0|[1-9][0-9]{0,18})\n((?:[A-Za-z0-9+/]{43}=\n){0,63})\n(.+)", re.DOTALL)
CHECKPOINT = re.compile(r"([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*")


class Refused(Exception):
    """A request that is not granted: with its status, and what is said about it."""

    def __init__(self, status, text, kind="text/plain; charset=utf-8"):
        super().__init__(text)
        self.status, self.text, self.kind = status, text, kind


def sha256(*parts):
    """Hash the parts, one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def written(name, kind, key):
    """C2SP signed-note: a key as it is published."""
    id_ = sha256(name.encode(), b"\n", kind, key)[:4]
    return f"{name}+{id_.hex()}+{base64.b64encode(kind + key).decode()}"


def log_key(text):
    """Return the name and the public key of a log."""
    name, _, encoded = text.strip().split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    if written(name, LOG, raw[1:]) != text.strip():
        raise ValueError("it is damaged")
    return name, Ed25519PublicKey.from_public_bytes(raw[1:])


def is_consistent(old, old_root, size, root, proof):
    """RFC 9162, section 2.1.4.2: whether the tree of this root goes on from the older one."""
    if old in {0, size}:
        return not proof and (old == 0 or old_root == root)
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    at, last = old - 1, size - 1
    while at % 2:
        at, last = at // 2, last // 2
    found_old = found = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            found_old = sha256(b"\x01", each, found_old)
            found = sha256(b"\x01", each, found)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            found = sha256(b"\x01", found, each)
        at, last = at // 2, last // 2
    return last == 0 and (found_old, found) == (old_root, root)


def keep(path, content):
    """Put a file into place, for its owner alone: after a kill the old or the new one is there."""
    draft = path.with_name(f"{path.name}.new")
    number = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(number, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


class Witness:
    """The key of a witness, and what it has seen of each log."""

    def __init__(self, folder, name, logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.lock = threading.Lock()
        self.file, key = folder / "seen.json", folder / "witness.key"
        self.held = (folder / "lock").open("a")
        try:
            fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"another witness runs on {folder}")
        if not key.exists() and (not self.file.exists() or self.file.read_text() == "{}"):
            keep(self.file, "{}")  # first: a key without what it has seen is one that forgot
            seed = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
            keep(key, json.dumps({"name": name, "seed": seed}))
        try:
            self.seen = json.loads(self.file.read_text())
            said = json.loads(key.read_text())
            self.name, seed = said["name"], base64.b64decode(said["seed"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            sys.exit(f"what this witness has seen, or its key, is lost: {error}. Put back both")
        if key.stat().st_mode & 0o077:
            sys.exit(f"others can read the key: chmod 600 {key}")
        if name != self.name:
            sys.exit(f"the key in {folder} is that of {self.name}, and not of {name}")
        self.key, self.logs = Ed25519PrivateKey.from_private_bytes(seed), logs
        self.public = written(name, COSIGNER, self.key.public_key().public_bytes_raw())

    def add(self, body):
        """Grant a request, and return the cosignature; raises ``Refused``."""
        request = REQUEST.fullmatch(body)
        text, gap, signatures = request[3].partition("\n\n") if request else ("", "", "")
        checkpoint = CHECKPOINT.fullmatch(f"{text}\n") if gap else None
        if checkpoint is None:
            raise Refused(400, "This is no request of tlog-witness.")
        origin, size, old = checkpoint[1], int(checkpoint[2]), int(request[1])
        root, signed = base64.b64decode(checkpoint[3]), f"{text}\n".encode()
        proof = [base64.b64decode(line) for line in request[2].splitlines()]
        if origin not in self.logs:
            raise Refused(404, "No log of this name is known here.")
        if not any(
            is_signed(signed, line, origin, self.logs[origin]) for line in signatures.splitlines()
        ):
            raise Refused(403, "The checkpoint is not signed by the key of this log.")
        if old > size:
            raise Refused(400, "The old size is larger than that of the checkpoint.")
        with self.lock:
            known = self.seen.get(origin, {"size": 0, "root": ""})
            known_root = base64.b64decode(known["root"])
            if old != known["size"] or (old == size and old and known_root != root):
                raise Refused(409, f"{known['size']}\n", "text/x.tlog.size")
            if not is_consistent(old, known_root, size, root, proof):
                raise Refused(422, "The checkpoint does not go on from the last one.")
            self.seen[origin] = {"size": size, "root": checkpoint[3], "at": int(time.time())}
            try:
                keep(self.file, json.dumps(self.seen, indent=1))
            except OSError as error:
                self.seen[origin] = known
                raise Refused(503, f"The disk does not take it: {error.strerror}.") from None
            return self.cosignature(signed)

    def cosignature(self, signed):
        """C2SP tlog-cosignature: sign a checkpoint with the time."""
        now = int(time.time())
        signature = self.key.sign(b"cosignature/v1\ntime %d\n%s" % (now, signed))
        raw = bytes.fromhex(self.public.split("+")[1]) + now.to_bytes(8, "big") + signature
        return f"— {self.name} {base64.b64encode(raw).decode()}\n"


def is_signed(signed, line, name, key):
    """C2SP signed-note: whether this line is a right signature of this log."""
    id_ = sha256(name.encode(), b"\n", LOG, key.public_bytes_raw())[:4]
    signer, _, value = line.removeprefix("— ").partition(" ")
    try:
        raw = base64.b64decode(value, validate=True)
        if (signer, raw[:4]) == (name, id_):
            key.verify(raw[4:], signed)
            return True
    except (InvalidSignature, ValueError):
        pass
    return False


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version, timeout, server_version = "HTTP/1.1", SECONDS, "cct-ops-witness"

    def __init__(self, witness, token, *args):
        self.witness, self.token = witness, token
        super().__init__(*args)

    def handle(self):
        """Answer one caller, who may hang up at any moment."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def do_POST(self):
        """Cosign a checkpoint, or say why not."""
        try:
            given = self.headers.get("Authorization", "")
            if self.token and not hmac.compare_digest(given.encode(), b"Bearer " + self.token):
                raise Refused(401, "The token is missing or wrong.")
            length = self.headers.get("Content-Length", "")
            if not LENGTH.fullmatch(length) or int(length) > MOST_BYTES:
                raise Refused(413, f"A request has a length, and at most {MOST_BYTES} bytes.")
            body = self.rfile.read(int(length))
            if self.path.rstrip("/").rpartition("/")[2] != "add-checkpoint":
                raise Refused(404, "There is only /add-checkpoint.")
            self.answer(200, self.witness.add(body.decode()))
        except Refused as refused:
            self.close_connection = refused.status in {401, 413}  # with a body that was not read
            self.answer(refused.status, refused.text, refused.kind)
        except UnicodeDecodeError:
            self.answer(400, "This is not UTF-8.")

    def do_GET(self):
        """Say who this is, and what was seen."""
        with self.witness.lock:
            seen = [f"{log}: {said['size']} leaves" for log, said in self.witness.seen.items()]
        self.answer(200, "\n".join([self.witness.public, *seen]) + "\n")

    def answer(self, status, text, kind="text/plain; charset=utf-8"):
        """Send an answer."""
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="Witness transparency logs.")
    parser.add_argument("folder", type=Path, help="for its key and what it has seen")
    parser.add_argument("--name", required=True, help="its own, such as witness.example.org")
    parser.add_argument("--log", action="append", required=True, help="the public key of a log")
    parser.add_argument("--listen", default="127.0.0.1:8099", help="address and port")
    parser.add_argument("--token-file", type=Path, help="what callers must send as a bearer token")
    given = parser.parse_args()
    if not NAME.fullmatch(given.name):
        parser.error("a name has neither spaces nor +")
    try:
        logs = dict(log_key(text) for text in given.log)
        token = given.token_file.read_bytes().strip() if given.token_file else b""
        host, port = given.listen.rsplit(":", 1)
    except (ValueError, OSError) as error:
        parser.error(f"a log's key, the token's file or the address is none: {error}")
    if given.token_file and not token:
        parser.error(f"{given.token_file} is empty")
    witness = Witness(given.folder, given.name, logs)
    try:
        server = ThreadingHTTPServer(
            (host.strip("[]"), int(port)), partial(Handler, witness, token)
        )
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"{given.listen} cannot be listened on: {error}")
    print(f"{witness.public}\nlistening on {host}:{server.server_port}", flush=True)
    with suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
