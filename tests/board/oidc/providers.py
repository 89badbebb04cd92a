"""Providers of OpenID Connect: a real one, and one that answers whatever a test wants it to."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.plain import HTTP

CLIENT, SECRET = "cct-ops-board", "a secret of this client that is long enough"

_REAL = """
import logging, threading
from oidc_provider_mock import User, run_server_in_thread
logging.disable()
with run_server_in_thread(require_nonce=True) as server:
    print(server.server_port, flush=True)
    threading.Event().wait()
"""


@contextmanager
def real_provider() -> Iterator[str]:
    """Run one as a process of its own, which ends with the block; yield its issuer."""
    env = os.environ | {"AUTHLIB_INSECURE_TRANSPORT": "1", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-c", _REAL],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://localhost:{int(process.stdout.readline())}"
        finally:
            process.kill()


def make_user(issuer: str, subject: str, **claims: object) -> None:
    """Let the real provider know somebody."""
    HTTP.put(f"{issuer}/users/{subject}", json=claims).raise_for_status()


def agree(page: str, subject: str) -> str:
    """Sign in at the real provider as this person; return the address that it leads back to."""
    answer = HTTP.post(page, data={"sub": subject})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def rsa(kid: str) -> RSAKey:
    """Return a new key."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


Told = Callable[[], Response]


@dataclass
class Liar:
    """A provider whose token, keys and answers a test replaces; it notes what it is asked."""

    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: rsa("one"))
    shown: list[Any] | None = None
    claims: dict[str, object] = field(default_factory=dict)
    header: dict[str, object] = field(default_factory=dict)
    answers: dict[str, Told] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    nonce: str = ""
    raw: Callable[[dict[str, object]], str] | None = None

    def metadata(self) -> dict[str, Any]:
        """Return what it says of itself."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
        }

    def token(self) -> str:
        """Return the token that a test wants."""
        now = int(time.time())
        usual = {"iss": self.issuer, "sub": "s-1", "aud": CLIENT, "exp": now + 60, "iat": now}
        claims = {**usual, "nonce": self.nonce, "groups": ["on-call"], **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.raw is not None:
            return self.raw(claims)
        return jwt.encode({"alg": "RS256", "kid": self.key.kid, **self.header}, claims, self.key)

    async def discovery(self, _: Request) -> Response:
        """Answer."""
        return self._said("discovery") or JSONResponse(self.metadata())

    async def jwks(self, _: Request) -> Response:
        """Answer."""
        keys: Any = KeySet([self.key]).as_dict(private=False)
        return self._said("jwks") or JSONResponse({"keys": self.shown} if self.shown else keys)

    async def exchange(self, request: Request) -> Response:
        """Answer."""
        form = parse_qs((await request.body()).decode())
        authorization = request.headers.get("authorization", "")
        self.asked.append({name: each[0] for name, each in form.items()} | {"by": authorization})
        answer = {"access_token": "a", "token_type": "Bearer", "id_token": self.token()}
        return self._said("token") or JSONResponse(answer)

    def _said(self, where: str) -> Response | None:
        return self.answers[where]() if where in self.answers else None


@contextmanager
def lying() -> Iterator[Liar]:
    """Serve it from a thread."""
    liar = Liar()
    app = Starlette(
        routes=[
            Route("/.well-known/openid-configuration", liar.discovery),
            Route("/jwks", liar.jwks),
            Route("/token", liar.exchange, methods=["POST"]),
        ]
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        liar.issuer = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield liar
        finally:
            server.should_exit = True
            thread.join(20)


def query(address: str) -> dict[str, str]:
    """Return what an address asks for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def challenge(verifier: str) -> str:
    """Return what proves a code by this word (PKCE, S256)."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


def base64url(content: bytes) -> str:
    """Return it as JOSE writes it."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def unsigned(claims: dict[str, object]) -> str:
    """Return a token that nobody has signed."""
    head = base64url(json.dumps({"alg": "none"}).encode())
    return f"{head}.{base64url(json.dumps(claims).encode())}."


def with_our_secret(claims: dict[str, object]) -> str:
    """Return a token that is signed with what we share with the provider."""
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET))


def with_the_public_key(liar: Liar) -> Callable[[dict[str, object]], str]:
    """Return how a token is signed with the text of the provider's public key."""
    text = OctKey.import_key(liar.key.as_pem(private=False).replace(b"-----", b""))

    def sign(claims: dict[str, object]) -> str:
        return jwt.encode({"alg": "HS256", "kid": liar.key.kid}, claims, text)

    return sign


def follow(http: httpx.Client, address: str) -> httpx.Response:
    """Open an address of the board as a browser does that comes from the provider's site."""
    return http.get(address, headers={"Sec-Fetch-Site": "cross-site"})
