"""Where the events of the record are streamed to: ``audit.streams`` in deployments/policy.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from cct_ops.config.secret_references import is_url
from cct_ops.config.sources import SecretReference
from cct_ops.models.base import Count, Frozen, Minutes

StreamName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Scheme = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,30}$")]


class StreamPlace(Frozen):
    """
    One stream: an address that takes CloudEvents, or a file of JSON lines.

    By its ``name`` the ledger knows how far it is. A relative file is in the folder of the log's
    key. The token is sent as ``Authorization: SCHEME TOKEN``. ``from`` says where a name begins
    that is new to the ledger; people are notified of a stream that is ``behind_minutes`` behind.
    """

    name: StreamName
    http: str | None = Field(None, max_length=2000)
    file: Path | None = None
    token: SecretReference | None = None
    scheme: Scheme = "Bearer"
    batch_events: Count = Field(100, ge=1, le=1000)
    begin: Literal["now", "start"] = Field("now", alias="from")
    behind_minutes: Minutes = Field(15, gt=0)

    @model_validator(mode="after")
    def _be_one_of_them(self) -> Self:
        if (self.http is None) == (self.file is None):
            raise ValueError("name either http or file")
        if self.file is not None and self.token is not None:
            raise ValueError("a file takes no token")
        if self.http is not None:
            if not is_url(self.http):
                raise ValueError("http is not an http(s) URL")
            if "@" in urlsplit(self.http).netloc:
                raise ValueError("put what proves who we are under token, not into the URL")
        return self

    @property
    def kind(self) -> str:
        """Say what takes the events."""
        return "file" if self.http is None else "http"

    @property
    def where(self) -> str:
        """Say where they go, for people: without what may be secret in an address."""
        if self.http is None:
            return str(self.file)
        parts = urlsplit(self.http)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"
