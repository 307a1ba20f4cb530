"""The settings of the database connection."""

from contextlib import suppress
from typing import Any

from pydantic import BaseModel
from pydantic import Field
from pydantic import model_validator

from app.settings import database_url
from app.settings.types import DatabaseUrl
from app.settings.types import Pooler


class DatabaseSettings(BaseModel):
    """The database of the service, and the number of connections to it."""

    # In development, unset means the embedded PostgreSQL.
    database_url: DatabaseUrl | None = None
    database_pooler: Pooler = Pooler.NONE
    # The most connections that one process opens. Some requests use two at once.
    database_pool_size: int = Field(default=10, ge=2, le=1_000)

    @model_validator(mode="before")
    @classmethod
    def pooler_in_the_url(cls, values: dict[str, Any]) -> dict[str, Any]:
        """`pgbouncer=true` in `DATABASE_URL`, as some companies write it, means `DATABASE_POOLER=transaction`."""
        url = values.get("database_url")
        with suppress(ValueError):
            if isinstance(url, str) and database_url.parse(url).is_pooled:
                return {"database_pooler": Pooler.TRANSACTION} | values
        return values
