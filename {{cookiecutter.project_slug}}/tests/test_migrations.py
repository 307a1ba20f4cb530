"""The migrations and the models say the same, and can be taken back."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from advanced_alchemy.base import orm_registry
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from pydantic import SecretStr
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy import Index
from sqlalchemy import Table
from sqlalchemy import make_url
from sqlalchemy import text
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from app.database import embedded_postgres
from app.database.engine import ONE_AT_A_TIME
from app.database.engine import engine_for
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.cast import Person
from tests.tables import Tables
from tests.tables import make_database

SOMEBODY = (
    """
    INSERT INTO "user" (id, email, password_hash, is_active, is_verified)
    VALUES (gen_random_uuid(), 'grace@example.com', '', true, true)
    """,
    """
    INSERT INTO user_session (id, user_id, secret_digest, expires_at)
    SELECT gen_random_uuid(), id, 'a digest', now() FROM "user"
    """,
)
GIVEN_UP = """
    INSERT INTO outgoing_mail (id, letter, recipient, last_error)
    VALUES (gen_random_uuid(), 'reset-password', 'grace@example.com', 'grace@example.com is unknown')
"""
NAME = "no_rights"
WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""
# What the next version may add while this one serves.
NEW_COLUMNS = {"of_the_next_version": "text", "counted_by_it": "integer NOT NULL DEFAULT 0"}


async def execute(config: Config, *statements: str) -> Any:
    """Do this in that database; what the last one finds first is returned."""
    engine = engine_for(config.attributes["settings"])
    async with engine.begin() as connection:
        found = [await connection.execute(text(statement)) for statement in statements][-1]
        value = found.scalar() if found.returns_rows else None
    await engine.dispose()
    return value


@pytest.fixture
def config(settings: Settings) -> Iterator[Config]:
    """Alembic on an empty database of its own."""
    assert settings.database_url is not None
    name = settings.database_url.get_secret_value().partition("?")[0].rpartition("/")[2] + "_migrations"
    asyncio.run(make_database(embedded_postgres.url(), name))
    config = Config(toml_file=PROJECT_ROOT / "pyproject.toml")
    config.attributes["settings"] = settings.model_copy(update={"database_url": SecretStr(embedded_postgres.url(name))})
    yield config
    command.downgrade(config, "base")


def test_up_equal_down_and_up_again(config: Config) -> None:
    command.upgrade(config, "head")
    command.check(config)
    command.downgrade(config, "base")
    command.upgrade(config, "head")
    command.check(config)


@pytest.mark.checklist("I06")
def test_rows_that_exist_survive_each_revision_both_ways(config: Config) -> None:
    [first, *revisions] = [*ScriptDirectory.from_config(config).walk_revisions()][::-1]
    command.upgrade(config, first.revision)
    asyncio.run(execute(config, *SOMEBODY))
    for each in revisions:
        command.upgrade(config, each.revision)
        # A merge changes nothing, and what is before it is not one revision.
        if not each.is_merge_point:
            # Of that branch alone: an owner has revisions beside those of the template.
            command.downgrade(config, f"{each.revision}@-1")
            command.upgrade(config, each.revision)
    command.check(config)
    assert asyncio.run(execute(config, 'SELECT count(*) FROM "user" JOIN user_session ON user_id = "user".id')) == 1


@pytest.mark.checklist("I08")
def test_mails_that_were_given_up_lose_their_address(config: Config) -> None:
    command.upgrade(config, "0001")
    asyncio.run(execute(config, GIVEN_UP))
    command.upgrade(config, "head")
    assert asyncio.run(execute(config, "SELECT recipient || last_error FROM outgoing_mail")) == ""


@pytest.mark.checklist("I06")
def test_a_revision_that_waits_for_a_lock_gives_up_before_callers_do(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(config, "head", sql=True)
    sql = capsys.readouterr().out
    assert sql.index("SET LOCAL lock_timeout = '5s'") < sql.index('CREATE TABLE "user"')


@pytest.mark.checklist("I06")
def test_processes_that_migrate_at_once_wait_for_each_other(config: Config) -> None:
    async def migrate_during_another() -> None:
        engine = engine_for(config.attributes["settings"])
        async with engine.connect() as other:
            await other.execute(text(ONE_AT_A_TIME))
            await other.execute(text("CREATE TABLE alembic_version (version_num text PRIMARY KEY)"))
            migrating = asyncio.create_task(asyncio.to_thread(command.upgrade, config, "head"))
            while not (migrating.done() or await other.scalar(text(WAITING))):  # noqa: ASYNC110  # PostgreSQL sets no event
                await asyncio.sleep(0.01)
            await other.rollback()
        await migrating
        await engine.dispose()

    asyncio.run(migrate_during_another())
    command.check(config)


@pytest.mark.checklist("I06")
def test_a_user_without_rights_is_told_so_in_a_line(config: Config) -> None:
    asyncio.run(execute(config, f"DROP USER IF EXISTS {NAME}", f"CREATE USER {NAME}"))
    owner = config.attributes["settings"]
    url = make_url(owner.database_url.get_secret_value()).set(username=NAME)
    changed = {"database_url": SecretStr(url.render_as_string(hide_password=False))}
    config.attributes["settings"] = owner.model_copy(update=changed)
    with pytest.raises(CommandError, match=r"may not do this: .* denied for schema public\. docs"):
        command.upgrade(config, "head")
    config.attributes["settings"] = owner
    asyncio.run(execute(config, f"DROP USER {NAME}"))


@pytest.mark.checklist("I06")
async def test_the_version_before_goes_on_answering_once_the_tables_have_more(visitor: Person, tables: Tables) -> None:
    for column in NEW_COLUMNS.items():
        await tables.execute(f'ALTER TABLE "user" ADD COLUMN {" ".join(column)}')
    try:
        await visitor.register()
        await visitor.verify()
        assert (await visitor.sign_in()).is_success
        assert (await visitor.get("/users/me")).status_code == 200
    finally:
        for name in NEW_COLUMNS:
            await tables.execute(f'ALTER TABLE "user" DROP COLUMN {name}')


def test_the_sql_can_be_had_without_a_database(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(config, "head", sql=True)
    assert 'CREATE TABLE "user"' in capsys.readouterr().out


@pytest.mark.parametrize("table", orm_registry.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_foreign_key_has_an_index_and_says_what_deletion_does(table: Table) -> None:
    keys = [constraint for constraint in table.constraints if isinstance(constraint, ColumnCollectionConstraint)]
    groups: list[ColumnCollectionConstraint | Index] = [*table.indexes, *keys]
    leading = {next(iter(group.columns), None) for group in groups if not isinstance(group, ForeignKeyConstraint)}
    for foreign_key in table.foreign_keys:
        column = foreign_key.parent
        wanted = 'add ondelete="CASCADE" (this row is deleted, too) or "SET NULL" (this row stays) to its ForeignKey'
        assert foreign_key.ondelete in {"CASCADE", "SET NULL"}, f"{column}: {wanted}"
        assert column in leading, f"{column}: add index=True, or each deletion reads the whole table"
