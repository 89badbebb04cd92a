"""
A provider of OpenID Connect: what it says of itself, and who it says that somebody is.

Nothing that it answers is believed before it is checked, and no answer is waited for or read for
longer than its limits. The keys are asked for at each sign-in, so one that the provider took out of
use counts no longer and a new one at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cct_ops.clients.connection import authorities, proxy_for
from cct_ops.clients.deadline import answer_of
from cct_ops.clients.text import one_line
from cct_ops.config.sign_in import SignIn, may_be_asked
from cct_ops.errors import BadConfiguration, ContractBroken, Rejected, Unavailable
from cct_ops.models.base import Frozen

ANSWER_SECONDS = 5.0
MOST_BYTES = 256 * 1024
METADATA_SECONDS = 300.0
CLOCK_SECONDS = 30
# Signed with a key of the provider's own. None of ours (HS256), and never by nobody (none).
ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512")
_RSA_LETTERS = 2048 // 6
_DISCOVERY = "/.well-known/openid-configuration"


class Metadata(BaseModel):
    """What a provider says of itself, as far as it is used."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    code_challenge_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class Identity(Frozen):
    """Who somebody is, with whatever the provider says of them."""

    issuer: str
    subject: str = Field(min_length=1, max_length=255)
    claims: Mapping[str, Any]


class Provider:
    """One provider, as the file says where it is and what we are to it."""

    def __init__(self, sign_in: SignIn) -> None:
        self._sign_in = sign_in
        self._metadata: Metadata | None = None
        self._read_at = 0.0

    def metadata(self) -> Metadata:
        """Return what the provider says of itself, at most five minutes old."""
        if self._metadata is None or time.monotonic() - self._read_at > METADATA_SECONDS:
            self._metadata = self._discovered()
            self._read_at = time.monotonic()
        return self._metadata

    def page(self, redirect_uri: str, *, state: str, nonce: str, verifier: str) -> str:
        """Return the address at which a person signs in."""
        self._sign_in.secret()  # that there is none is said before somebody goes there in vain
        address = prepare_grant_uri(
            self.metadata().authorization_endpoint,
            client_id=self._sign_in.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self._sign_in.scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return str(address)

    def identity(self, code: str, redirect_uri: str, *, nonce: str, verifier: str) -> Identity:
        """Exchange a code for the identity of its person, which is checked."""
        url = self.metadata().token_endpoint
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        by, secret = self._sign_in.client_id, self._sign_in.secret()
        methods = self.metadata().token_endpoint_auth_methods_supported
        basic: tuple[str, str] | None = (quote(by, safe=""), quote(secret, safe=""))
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            basic, form = None, {**form, "client_id": by, "client_secret": secret}
        token = self._json("POST", url, "the code of a sign-in", data=form, auth=basic)
        return self._checked(token, self.keys(), nonce)

    def keys(self) -> KeySet:
        """Return the provider's keys of today; those that we cannot use are passed over."""
        found = self._json("GET", self.metadata().jwks_uri, "the question for its keys").get("keys")
        keys = []
        for each in found if isinstance(found, list) else ():
            if not isinstance(each, dict) or not _may_sign(each):
                continue
            try:
                keys.append(JWKRegistry.import_key(each))
            except (JoseError, ValueError, TypeError):
                continue
        if not keys:
            raise ContractBroken(f"The provider {self._sign_in.host} has no key that signs.")
        return KeySet(keys)

    def _checked(self, token: Mapping[str, Any], keys: KeySet, nonce: str) -> Identity:
        text = token.get("id_token")
        if not isinstance(text, str):
            raise ContractBroken(f"The provider {self._sign_in.host} gave no id token.")
        client_id = self._sign_in.client_id
        try:
            read = jwt.decode(text, keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(
                read.claims,
                read.header,
                options={
                    "iss": {"essential": True, "value": self._sign_in.issuer},
                    "aud": {"essential": True, "value": client_id},
                    "exp": {"essential": True},
                },
                params={
                    "nonce": nonce,
                    "client_id": client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=CLOCK_SECONDS)
            return Identity(issuer=claims["iss"], subject=claims["sub"], claims=dict(read.claims))
        except (JoseError, ValueError, TypeError) as error:
            why = type(error).__name__ if isinstance(error, ValidationError) else error
            raise ContractBroken(
                f"The id token of the provider {self._sign_in.host} does not count:"
                f" {one_line(str(why))}."
            ) from None

    def _discovered(self) -> Metadata:
        said = self._json(
            "GET", self._sign_in.issuer.rstrip("/") + _DISCOVERY, "the question what it is"
        )
        try:
            metadata = Metadata.model_validate(said)
        except ValidationError as error:
            lacks = ", ".join(str(each["loc"][0]) for each in error.errors())
            raise ContractBroken(
                f"{self._sign_in.host} is no provider of OpenID Connect as we know it: see {lacks}."
            ) from None
        if metadata.issuer != self._sign_in.issuer:
            raise BadConfiguration(
                f"The provider calls itself {one_line(metadata.issuer)!r}, and the file names it"
                f" {self._sign_in.issuer!r}: they must be the same to the letter."
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not may_be_asked(getattr(metadata, name)):
                raise ContractBroken(f"{self._sign_in.host}: its {name} is no https:// address.")
        return metadata

    def _json(self, method: str, url: str, what: str, **sent: Any) -> dict[str, Any]:
        """Ask and return the answer, or raise what it means; none of it repeats what we sent."""
        host = self._sign_in.host
        try:
            status, said = _answer(method, url, **sent)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise Unavailable(f"The provider {host} does not answer: {kind}.") from None
        try:
            found = json.loads(said)
        except (ValueError, RecursionError):
            found = None
        refusal = found.get("error") if isinstance(found, dict) else None
        if 400 <= status < 500 and isinstance(refusal, str):
            raise Rejected(f"The provider {host} does not take {what}: {one_line(refusal, 100)}.")
        if status != 200:
            raise Unavailable(f"The provider {host} answers {status} to {what}.")
        if not isinstance(found, dict):
            raise ContractBroken(f"The provider {host} answers {what} with no JSON object.")
        return found


def _may_sign(key: Mapping[str, Any]) -> bool:
    """True if this is a public key for signatures; one of RSA with 2048 bits or more."""
    kind, modulus = key.get("kty"), key.get("n")
    if key.get("use", "sig") != "sig":
        return False
    long = isinstance(modulus, str) and len(modulus) >= _RSA_LETTERS
    return kind == "EC" or (kind == "RSA" and long)


def _answer(method: str, url: str, **sent: Any) -> tuple[int, bytes]:
    """Return status and body; raises what httpx raises, also where either limit is passed."""
    headers = {"Accept": "application/json"}
    with httpx.Client(
        verify=authorities(), proxy=proxy_for(url), timeout=ANSWER_SECONDS, trust_env=False
    ) as client:
        status, body = answer_of(
            client, method, url, ANSWER_SECONDS, MOST_BYTES + 1, headers=headers, **sent
        )
    if len(body) > MOST_BYTES:
        raise httpx.RemoteProtocolError("the answer is too large")
    return status, body
