"""The migrations and the models say the same, and can be taken back."""

import asyncio
from collections.abc import Iterator

import pytest
from advanced_alchemy.base import orm_registry
from alembic import command
from alembic.config import Config
from pydantic import SecretStr
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy import Index
from sqlalchemy import Table
from sqlalchemy.sql.schema import ColumnCollectionConstraint

from app import embedded_postgres
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.tables import make_database


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


def test_the_sql_can_be_had_without_a_database(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(config, "head", sql=True)
    assert 'CREATE TABLE "user"' in capsys.readouterr().out


@pytest.mark.parametrize("table", orm_registry.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_foreign_key_has_an_index_and_says_what_deletion_does(table: Table) -> None:
    keys = [constraint for constraint in table.constraints if isinstance(constraint, ColumnCollectionConstraint)]
    groups: list[ColumnCollectionConstraint | Index] = [*table.indexes, *keys]
    leading = {next(iter(group.columns), None) for group in groups if not isinstance(group, ForeignKeyConstraint)}
    for foreign_key in table.foreign_keys:
        assert foreign_key.ondelete == "CASCADE"
        assert foreign_key.parent in leading
