"""Alembic's environment: it connects to the database with the settings of the service."""

import asyncio
import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from typing import Literal

from advanced_alchemy.base import orm_registry
from advanced_alchemy.types import GUID
from advanced_alchemy.types import DateTimeUTC
from alembic import context
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from asyncpg import NotNullViolationError  # type: ignore[import-untyped]  # It carries no types.
from sqlalchemy import Column
from sqlalchemy import Enum
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import IntegrityError

from app.database.engine import ONE_AT_A_TIME
from app.database.engine import WAITS_SECONDS
from app.database.engine import engine_for_migrations
from app.http.outages import CannotConnect
from app.http.outages import reason_of_outage
from app.http.outages import sqlstate_of
from app.settings import PROJECT_ROOT
from app.settings import SettingsError
from app.settings import read_settings

# Importing models fills the metadata: those of the service, and `models.py` in each folder of `app/`.
import_module("app.models")
for path in sorted((PROJECT_ROOT / "app").glob("*/models.py")):
    import_module(f"app.{path.parent.name}.models")


logger = logging.getLogger("alembic.runtime.migration")
# The SQLSTATEs of a missing right, and of a table that a revision expects.
MAY_NOT = "42501"
NO_TABLE = "42P01"
# For other processes that migrate.
OTHERS_SECONDS = 600


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write plain SQLAlchemy types into revisions, which must not change when a library does."""
    if kind == "type" and isinstance(item, GUID):
        return "sa.Uuid()"
    if kind == "type" and isinstance(item, DateTimeUTC):
        return "sa.DateTime(timezone=True)"
    return False


def complete(migration: MigrationContext, _: Any, directives: list[Any]) -> None:
    """Complete the revision of `--autogenerate`: not if it is empty, with a value for each column, and with enum types.

    Raises:
        CommandError: if a new column of an existing table has no value for the rows that exist, or if the service would
            not start with these models.
    """
    [script] = directives
    if not getattr(context.config.cmd_opts, "autogenerate", False):
        return
    require_usable_models()
    if script.upgrade_ops.is_empty():
        directives.clear()
        logger.info("Nothing has changed: the tables are as the models say.")
        return
    added = [*new_columns(script.upgrade_ops)]
    for table, column in added:
        if not (column.nullable or column.server_default or column.computed or column.identity):
            told = f"{table}.{column.name} needs a value for the rows that exist: give it server_default=..., and"
            raise CommandError(f"{told} default=... for new rows; or let it be empty, as Mapped[... | None].")
    # A new table creates its types; a new column does not, and neither deletes them.
    existing = {enum["name"] for enum in inspect(migration.connection).get_enums()}  # type: ignore[union-attr]
    enums = {column.type.name: column.type for _, column in added if isinstance(column.type, Enum)}
    for name in sorted(str(name) for name, enum in enums.items() if enum.native_enum and name not in existing):
        labels = ", ".join("'" + label.replace("'", "''") + "'" for label in enums[name].enums)
        script.upgrade_ops.ops.insert(0, ops.ExecuteSQLOp(f"CREATE TYPE {name} AS ENUM ({labels})"))
        script.downgrade_ops.ops.append(ops.ExecuteSQLOp(f"DROP TYPE {name}"))


def require_usable_models() -> None:
    """Require models that the service starts with, before a revision is made of them.

    Raises:
        CommandError: if it refuses them; the message says why.
    """
    # Imported late: it takes a second, and only revisions need it.
    from app.auth.library_options import require_effect  # noqa: PLC0415
    from app.users import config  # noqa: PLC0415

    try:
        require_effect(config(context.config.attributes.get("settings") or read_settings()))
    except SettingsError as error:
        raise CommandError(error.message) from error


def new_columns(operations: ops.OpContainer) -> Iterator[tuple[str, Column[Any]]]:
    """The columns that are added to tables, with the name of the table."""
    for operation in operations.ops:
        if isinstance(operation, ops.OpContainer):
            yield from new_columns(operation)
        elif isinstance(operation, ops.AddColumnOp):
            yield operation.table_name, operation.column


def configure(**options: Any) -> None:
    """Run all revisions in one transaction.

    Several processes may do so at once: each waits for the one before it. While a revision waits for a lock, requests
    wait behind it. So it gives up before they do; run it again later.
    """
    metadata = orm_registry.metadata
    options |= {"render_item": render_item, "process_revision_directives": complete, "compare_server_default": True}
    context.configure(target_metadata=metadata, **options)
    with context.begin_transaction():
        context.execute(f"SET LOCAL lock_timeout = '{OTHERS_SECONDS}s'")
        context.execute(ONE_AT_A_TIME)
        context.execute(f"SET LOCAL lock_timeout = '{WAITS_SECONDS}s'")
        is_autogenerated = getattr(context.config.cmd_opts, "autogenerate", False)
        if is_autogenerated and {*context.get_context().get_current_heads()} != {*context.script.get_heads()}:
            raise CommandError("The tables are missing or old. First run: alembic upgrade head")
        try:
            context.run_migrations()
        except IntegrityError as error:
            missing = getattr(error.orig, "__cause__", None)
            if not isinstance(missing, NotNullViolationError):
                raise
            column = f"{missing.table_name}.{missing.column_name}"
            told = f"{column} has no value for the rows that exist: give it server_default=... in the model and"
            raise CommandError(f"{told} the revision. Nothing was changed.") from error


def explained(error: DBAPIError) -> str | None:
    """Why the database did not do it, and what to do; None if a revision is wrong."""
    reason = reason_of_outage(error)
    if isinstance(error, CannotConnect):
        return f"{reason}. Is DATABASE_URL right?"
    if sqlstate_of(error) == MAY_NOT:
        says = str(getattr(error.orig, "__cause__", None))
        return f"The user of DATABASE_URL may not do this: {says}. docs/deploy.md lists the rights that it needs."
    if reason is None or sqlstate_of(error) == NO_TABLE:
        return None
    return f"{reason}. Run it again later."


async def run_online() -> None:
    """Run them on the database.

    Raises:
        CommandError: if a setting is missing or wrong, or the database is unavailable; Alembic shows it in a line.
    """
    try:
        settings = context.config.attributes.get("settings") or read_settings()
    except SettingsError as error:
        raise CommandError(error.message) from error
    engine = engine_for_migrations(settings)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(lambda sync_connection: configure(connection=sync_connection))
    except DBAPIError as error:
        if told := explained(error):
            raise CommandError(told) from error
        raise
    await engine.dispose()


logging.basicConfig(level=logging.WARNING, format="%(message)s")
logger.setLevel(logging.INFO)

if context.is_offline_mode():
    # `alembic upgrade head --sql` prints what it would do, without a database.
    configure(dialect_name="postgresql", literal_binds=True)
else:
    asyncio.run(run_online())
