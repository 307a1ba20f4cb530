"""How `alembic` reaches the database: the same settings and the same address as the service."""

import asyncio
import logging
from typing import Any
from typing import Literal

from advanced_alchemy.base import orm_registry
from advanced_alchemy.types import GUID
from advanced_alchemy.types import DateTimeUTC
from alembic import context
from alembic.util import CommandError
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import create_async_engine

from app import models
from app.database.engine import ASYNCPG
from app.database.engine import WAITS_SECONDS
from app.database.engine import connect_arguments
from app.notes import models as notes  # example
from app.settings import SettingsError
from app.settings import read_settings

assert models  # noqa: S101  # importing them is what fills the metadata
assert notes  # noqa: S101  # example


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write plain SQLAlchemy types into revisions, which must not change when a library does."""
    if kind == "type" and isinstance(item, GUID):
        return "sa.Uuid()"
    if kind == "type" and isinstance(item, DateTimeUTC):
        return "sa.DateTime(timezone=True)"
    return False


def configure(**options: Any) -> None:
    """Run the revisions, all or none.

    While one waits for a lock, everybody waits behind it. So it gives up before callers do, and is run again later.
    """
    metadata = orm_registry.metadata
    context.configure(target_metadata=metadata, render_item=render_item, compare_server_default=True, **options)
    with context.begin_transaction():
        context.execute(f"SET LOCAL lock_timeout = '{WAITS_SECONDS}s'")
        context.run_migrations()


async def run_online() -> None:
    """Run them on the database.

    Raises:
        CommandError: if a setting is missing or wrong; Alembic shows it in a line.
    """
    try:
        settings = context.config.attributes.get("settings") or read_settings()
    except SettingsError as error:
        raise CommandError(error.message) from error
    # No limit for statements: a revision may take as long as it takes.
    engine = create_async_engine(ASYNCPG, poolclass=pool.NullPool, connect_args=connect_arguments(settings))
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync_connection: configure(connection=sync_connection))
    await engine.dispose()


logging.basicConfig(level=logging.WARNING, format="%(message)s")
logging.getLogger("alembic.runtime.migration").setLevel(logging.INFO)

if context.is_offline_mode():
    # `alembic upgrade head --sql` prints what it would do, without a database.
    configure(dialect_name="postgresql", literal_binds=True)
else:
    asyncio.run(run_online())
