"""An export is written in pages, however much is stored about a user."""

import json
from typing import Any

import pytest
import sqlalchemy as sa
from litestar import Litestar

from app.accounts import data_export
from app.accounts import row_locks
from app.database.transactions import new_transaction
from app.http.current_request import CurrentRequest
from app.models import User
from tests.cast import Person
from tests.tables import Tables
from tests.work import connections_in_use

MANY = """
    INSERT INTO user_session (id, user_id, secret_digest, expires_at, user_agent)
    SELECT gen_random_uuid(), id, sha256((number || email)::bytea), now() + interval '1 day', number
    FROM "user", generate_series(1, {count}) number
"""
# Tables that owners may have: with a key of two columns, and without any.
PAIRS = sa.Table(
    "pairs", sa.MetaData(), sa.Column("a", sa.Integer, primary_key=True), sa.Column("b", sa.Uuid, primary_key=True)
)
HEAP = sa.Table("heap", sa.MetaData(), sa.Column("a", sa.Integer))


@pytest.fixture(autouse=True)
def pages_of_three_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages so small that few rows fill some."""
    monkeypatch.setattr(data_export, "ROWS_OF_A_PAGE", 3)


@pytest.mark.checklist("I08")
@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 10])
async def test_each_row_is_in_it_once(signed_in: Person, mallory: Person, tables: Tables, count: int) -> None:
    await tables.execute(MANY.format(count=count))
    await mallory.sign_in()
    exported = (await signed_in.get("/users/me/export")).json()
    agents = sorted(row["user_agent"] for row in exported["user_session"] if row["user_agent"].isdigit())
    assert agents == sorted(str(number + 1) for number in range(count))
    assert {row["user_id"] for row in exported["user_session"]} == {exported["user"]["id"]}
    assert exported["user"]["email"] == signed_in.email


async def test_no_more_than_a_page_is_held_at_once_and_no_connection_while_the_caller_reads(
    app: Litestar, signed_in: Person, tables: Tables
) -> None:
    await tables.execute(MANY.format(count=10))
    async with new_transaction(app) as session:
        user = (await session.scalars(sa.select(User))).unique().one()
        pieces = await data_export.export_of(app, session, user.id)
    written = [(piece, connections_in_use(app)) async for piece in pieces]
    assert {connections for _, connections in written} == {0}
    assert max(piece.count(b'"secret_changed_at"') for piece, _ in written) == 3
    assert json.loads(b"".join(piece for piece, _ in written))["user"]["email"] == signed_in.email


@pytest.mark.checklist("D12", "E11")
async def test_what_is_stored_after_the_sign_in_has_ended_is_not_in_it(
    app: Litestar, signed_in: Person, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    [sign_in] = await tables.rows("user_session")
    now = CurrentRequest(user_id=sign_in["user_id"], session_id=sign_in["id"])
    monkeypatch.setattr(row_locks, "current_request", lambda: now)
    monkeypatch.setattr(data_export, "current_request", lambda: now)
    await tables.execute(MANY.format(count=10))
    async with new_transaction(app) as session:
        user = (await session.scalars(sa.select(User))).unique().one()
        pieces = await data_export.export_of(app, session, user.id)
    written = b""
    async for piece in pieces:
        written += piece
        if b'"secret_changed_at"' in piece:
            await signed_in.sign_out()
    assert written.count(b'"secret_changed_at"') == 3
    assert not written.endswith(b"]}")


async def pages_of(app: Litestar, table: sa.Table) -> list[list[dict[str, Any]]]:
    """What the export writes of this table, page by page."""
    part = data_export.Part(table, sa.true(), [*table.columns])
    return [page async for page in data_export.pages(app, part)]


async def test_a_table_of_an_owner_may_have_any_primary_key_or_none(app: Litestar, tables: Tables) -> None:
    await tables.execute("CREATE TABLE pairs (a integer, b uuid, PRIMARY KEY (a, b))")
    await tables.execute("CREATE TABLE heap (a integer)")
    try:
        await tables.execute("INSERT INTO pairs SELECT number / 4, gen_random_uuid() FROM generate_series(0, 7) number")
        await tables.execute("INSERT INTO heap SELECT generate_series(1, 8)")
        paged, whole = await pages_of(app, PAIRS), await pages_of(app, HEAP)
    finally:
        await tables.execute("DROP TABLE pairs, heap")
    assert [len(page) for page in paged] == [3, 3, 2]
    assert len({row["b"] for page in paged for row in page}) == 8
    assert [len(page) for page in whole] == [8]
