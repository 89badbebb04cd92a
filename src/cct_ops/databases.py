"""The settings of what several processes share: the ledger, and Redis between Prefect's servers."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from cct_ops.errors import BadConfiguration


class Databases(BaseModel):
    """Where the ledger and Redis are, as a part of ``Settings``."""

    database_url: SecretStr | None = Field(
        None, description="The ledger, as postgresql+psycopg://user:password@host/database."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="The Redis that several Prefect servers share, as redis://:password@host:6379/0"
        " (or rediss://, or redis+sentinel://); a single server needs none.",
    )

    def ledger_url(self) -> SecretStr:
        """Return the ledger's URL; it must be set."""
        if self.database_url is None:
            raise BadConfiguration(
                "There is no ledger: no stack runs from this folder (start one with `cct-ops up`),"
                " and CCT_OPS_DATABASE_URL is not set (postgresql+psycopg://user:password@host/db)."
            )
        return self.database_url
