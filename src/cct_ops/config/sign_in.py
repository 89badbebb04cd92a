"""
Who signs in on the board by OIDC: the shape of deployments/board.yaml.

A person is whom the provider's stated claim says, and never a display name, which people choose.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from cct_ops.config import yaml_files
from cct_ops.config.secret_references import is_url, read_secret
from cct_ops.config.sources import SecretReference
from cct_ops.errors import BadConfiguration
from cct_ops.models.base import Frozen
from cct_ops.models.names import folded
from cct_ops.models.role import Role

LONGEST_NAME = 100
_NOT_STABLE = frozenset({"name", "nickname", "given_name", "family_name"})


def may_be_asked(url: str) -> bool:
    """True if what is said with this address cannot be read on the way: https, or this machine."""
    if not is_url(url) or "@" in (place := urlsplit(url)).netloc or place.fragment:
        return False
    return place.scheme == "https" or _here(place.hostname or "")


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _issuer(url: str) -> str:
    if not may_be_asked(url) or urlsplit(url).query:
        raise ValueError("must be an https:// address without ?, # and @ (http on this machine)")
    return url


def _account_claim(name: str) -> str:
    if name in _NOT_STABLE:
        raise ValueError("this is a display name, which people choose: take sub or email")
    return name


Issuer = Annotated[str, Field(max_length=300), AfterValidator(_issuer)]
Claim = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$", max_length=200)]
Account = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]


class Person(Frozen):
    """
    One person by account, with the name in the record, which approvers.yaml may have as well.

    Without a ``role`` the claim says which one it is.
    """

    account: Account
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
    role: Role | None = None

    @model_validator(mode="after")
    def _seen(self) -> Self:
        if not self.name.isprintable():
            raise ValueError("the name has a character that nobody can see")
        return self


class SignIn(Frozen):
    """
    The provider, what we are to it, and which of its people get in.

    ``account_claim`` says who a person is; ``roles`` has, for each, the values of ``role_claim``.
    """

    issuer: Issuer
    client_id: Words
    client_secret: SecretReference
    scopes: Words = "openid email profile"
    account_claim: Annotated[Claim, AfterValidator(_account_claim)] = "sub"
    role_claim: Claim | None = None
    roles: Mapping[Role, tuple[Claim, ...]] = Field(default_factory=dict)
    people: tuple[Person, ...] = ()

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> Self:
        if (self.role_claim is None) != (not self.roles):
            raise ValueError("role_claim and roles go together")
        if self.role_claim is None and not any(each.role for each in self.people):
            raise ValueError("nobody would get in: name a role_claim with roles, or people")
        if "openid" not in self.scopes.split():
            raise ValueError("scopes must have openid: without it there is no sign-in")
        accounts = [each.account for each in self.people]
        names = [folded(each.name) for each in self.people]
        if len(set(accounts)) < len(accounts) or len(set(names)) < len(names):
            raise ValueError("two people share an account or a name")
        return self

    @property
    def host(self) -> str:
        """The provider, as people know it."""
        return urlsplit(self.issuer).netloc

    def secret(self) -> str:
        """Return the client's secret; raises ``BadConfiguration`` where it is not there."""
        try:
            found = read_secret(self.client_secret)
        except OSError as error:
            why = error.strerror
        else:
            if found:
                return found
            why = "it is not set"
        raise BadConfiguration(
            f"The client secret for sign-in by OIDC is not in {self.client_secret.name}: {why}."
        )

    def person(self, account: str) -> Person | None:
        """Return who has this account, if the file says so."""
        return next((each for each in self.people if each.account == account), None)

    def role_of(self, claims: Mapping[str, Any]) -> Role | None:
        """Return the highest role that the claim gives; None where it gives none."""
        held = _values(claims, self.role_claim) if self.role_claim else set()
        given = [role for role in Role if held & set(self.roles.get(role, ()))]
        return given[-1] if given else None


class BoardFile(Frozen):
    """The whole file."""

    sign_in: SignIn


def read(path: Path, *, named: bool) -> SignIn | None:
    """Return how people sign in; None if there is no file and nobody ``named`` one."""
    if not named and not path.is_file():
        return None
    return yaml_files.load(path, BoardFile).sign_in


def _values(claims: Mapping[str, Any], name: str) -> set[str]:
    """Return the words of a claim: of this very name, or inside others as ``a.b``."""
    found: Any = claims.get(name)
    if found is None:
        found = claims
        for step in name.split("."):
            found = found.get(step) if isinstance(found, Mapping) else None
    words = found if isinstance(found, list) else [found]
    return {each for each in words if isinstance(each, str)}
