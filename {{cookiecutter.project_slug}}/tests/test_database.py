"""One committer: what was answered with success is stored, and nothing else is, except what says so."""

from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import Any

import pytest
from httpx import ASGITransport
from httpx import AsyncClient
from litestar import Litestar
from litestar import Request
from litestar import get
from litestar.types import Message
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.sessions import config_of
from app.database.sessions import request_session
from app.database.transactions import new_transaction
from app.database.transactions import release_connection
from app.database.transactions import separate_transaction
from app.http.errors import Conflict
from app.models import User
from app.settings import Settings
from tests.cast import BASE_URL
from tests.cast import PASSWORD
from tests.cast import Outbox
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import another_stage
from tests.tables import Tables
from tests.work import connections_in_use

REFUSE = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'hidden reason'; END $$"
AT_COMMIT = """
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON "{table}"
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""


@asynccontextmanager
async def commits_failing(tables: Tables) -> AsyncIterator[None]:
    """PostgreSQL refuses every new user and sign-in, but only at the COMMIT."""
    await tables.execute(REFUSE)
    try:
        for table in ("user", "user_session"):
            await tables.execute(AT_COMMIT.format(table=table))
        yield
    finally:
        await tables.execute("DROP FUNCTION refuse CASCADE")


@get("/keeps-some", exclude_from_auth=True)
async def keep_some(request: Request[Any, Any, Any]) -> None:
    """Refuse, after one row in the transaction of the request and one in a transaction of its own."""
    request_session(request).add(User(email="lost@example.com", password_hash=""))
    await request_session(request).flush()
    async with new_transaction(request.app) as session:
        session.add(User(email="kept@example.com", password_hash=""))
    raise Conflict


@get("/catches", exclude_from_auth=True)
async def catch_error(request: Request[Any, Any, Any]) -> None:
    """Store a user, although the error of a statement was caught meanwhile."""
    request_session(request).add(User(email="lost@example.com", password_hash=""))
    await request_session(request).flush()
    with suppress(DBAPIError):
        await request_session(request).execute(text("SELECT 1 / 0"))


@get("/catches-within", exclude_from_auth=True)
async def catch_within_savepoint(request: Request[Any, Any, Any]) -> None:
    """The same, with the statement in a savepoint."""
    request_session(request).add(User(email="kept@example.com", password_hash=""))
    await request_session(request).flush()
    with suppress(DBAPIError):
        async with request_session(request).begin_nested():
            await request_session(request).execute(text("SELECT 1 / 0"))


@get("/catches-here", exclude_from_auth=True)
async def catch_own_error(request: Request[Any, Any, Any]) -> None:
    """The same, with an error that PostgreSQL has not seen."""
    request_session(request).add(User(email="kept@example.com", password_hash=""))
    await request_session(request).flush()
    with suppress(DBAPIError):
        await request_session(request).execute(text("SELECT CAST(:number AS integer)"), {"number": "one"})


async def fail_quietly(app: Litestar) -> None:
    """Catch the error of a statement in a transaction outside of requests."""
    async with new_transaction(app) as session:
        with suppress(DBAPIError):
            await session.execute(text("SELECT 1 / 0"))


@pytest.mark.checklist("I09")
@pytest.mark.parametrize("path", ["/catches-within", "/catches-here"])
async def test_a_transaction_that_goes_on_after_an_error_is_stored(
    settings: Settings, tables: Tables, path: str
) -> None:
    async with another_stage(settings, catch_within_savepoint, catch_own_error) as stage:
        assert (await stage.person("visitor").get(path)).status_code == 200
    assert [row["email"] for row in await tables.rows("user")] == ["kept@example.com"]


@pytest.mark.checklist("I09")
async def test_a_transaction_that_postgresql_has_given_up_is_no_success(
    settings: Settings, tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    # PostgreSQL answers COMMIT with ROLLBACK then, and no driver makes an error of it.
    async with another_stage(settings, catch_error) as stage:
        visitor = stage.person("visitor")
        assert [(await visitor.get("/catches")).status_code for _ in range(2)] == [500, 500]
        assert (await visitor.get("/health/ready")).status_code == 200
        with pytest.raises(RuntimeError, match="begin_nested"):
            await fail_quietly(stage.app)
    assert await tables.rows("user") == []
    assert "GET /catches failed" in caplog.messages


async def test_a_registration_whose_commit_fails_is_an_error_and_leaves_no_row_and_no_mail(
    visitor: Person, outbox: Outbox, tables: Tables
) -> None:
    async with commits_failing(tables):
        answer = await visitor.register()
    assert (answer.status_code, answer.headers["Content-Type"]) == (500, "application/problem+json")
    assert "hidden" not in answer.text
    assert (await tables.rows("user"), outbox.messages) == ([], [])
    assert await tables.rows("audit_event") == [], "what has not happened is not in the trail"


async def test_a_sign_in_whose_commit_fails_hands_out_no_credentials(grace: Person, tables: Tables) -> None:
    async with commits_failing(tables):
        answer = await grace.post("/login", email=grace.email, password=grace.password)
    assert (answer.status_code, answer.json().keys()) == (500, {"type", "title", "status"})
    assert "Set-Cookie" not in answer.headers
    assert await tables.rows("user_session") == []


async def test_a_success_is_stored_before_its_first_byte_leaves(app: Litestar, stage: Stage, tables: Tables) -> None:
    stored: list[int] = []

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def count_then_send(message: Message) -> None:
            stored.append(len(await tables.rows("user")))
            await send(message)

        await app(scope, receive, count_then_send)

    visitor = stage.person("visitor")
    transport = ASGITransport(watched)  # type: ignore[arg-type]  # as in cast.py
    async with AsyncClient(transport=transport, base_url=BASE_URL) as client:
        answer = await client.post("/register", json={"email": visitor.email, "password": PASSWORD})
    assert (answer.status_code, stored[0]) == (202, 1)


@pytest.mark.usefixtures("stage")
async def test_a_refusal_keeps_what_has_a_transaction_of_its_own_and_nothing_else(
    settings: Settings, tables: Tables
) -> None:
    async with another_stage(settings, keep_some) as another:
        assert (await another.person("visitor").get("/keeps-some")).status_code == 409
    assert [row["email"] for row in await tables.rows("user")] == ["kept@example.com"]


async def test_every_request_gives_its_connection_back(app: Litestar, grace: Person) -> None:
    await grace.sign_in()
    for path in ("/users/me", "/health/ready", "/nowhere"):
        await grace.get(path)
    await grace.post("/verify", token="unknown")
    await grace.post("/login", email=grace.email, password="wrong")
    assert connections_in_use(app) == 0


async def test_a_request_whose_commit_fails_gives_its_connection_back(
    app: Litestar, visitor: Person, tables: Tables
) -> None:
    async with commits_failing(tables):
        assert (await visitor.register()).status_code == 500
    assert connections_in_use(app) == 0


async def add_row(session: AsyncSession, _: User) -> None:
    """Leave it to the next flush."""
    session.add(User(email="new@example.com", password_hash="!"))


async def change_row(_: AsyncSession, user: User) -> None:
    """Likewise."""
    user.display_name = "Grace H."


async def delete_row(session: AsyncSession, user: User) -> None:
    """Likewise."""
    await session.delete(user)


async def flush_row(session: AsyncSession, user: User) -> None:
    """Write it."""
    user.display_name = "Grace H."
    await session.flush()


async def run_update(session: AsyncSession, _: User) -> None:
    """Write with a statement."""
    await session.execute(update(User).values(display_name="Grace H."))


async def run_text(session: AsyncSession, _: User) -> None:
    """Write with a statement that is written out."""
    await session.execute(text("UPDATE \"user\" SET display_name = 'Grace H.'"))


Change = Callable[[AsyncSession, User], Awaitable[None]]
CHANGES: list[Change] = [add_row, change_row, delete_row, flush_row, run_update, run_text]


async def change_then_release(app: Litestar, change: Change) -> None:
    """Change something, and release the connection after it."""
    async with new_transaction(app) as session:
        await change(session, (await session.scalars(select(User))).one())
        await release_connection(session)


async def change_then_separate(app: Litestar, change: Change) -> None:
    """Change something, and start a separate transaction after it."""
    async with new_transaction(app) as session:
        await change(session, (await session.scalars(select(User))).one())
        async with separate_transaction(session):
            pass


@pytest.mark.usefixtures("grace")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("go_on", [change_then_release, change_then_separate])
async def test_a_connection_is_not_released_after_a_change(
    app: Litestar, tables: Tables, change: Change, go_on: Callable[[Litestar, Change], Awaitable[None]]
) -> None:
    before = await tables.rows("user")
    with pytest.raises(RuntimeError, match="before the first change"):
        await go_on(app, change)
    assert await tables.rows("user") == before


async def test_a_released_connection_is_back_in_the_pool_and_rows_stay_readable(app: Litestar, grace: Person) -> None:
    async with config_of(app).get_session() as session:
        [user] = await session.scalars(select(User))
        # Setting a column to its present value changes nothing.
        user.email = grace.email
        assert connections_in_use(app) == 1
        await release_connection(session)
        assert connections_in_use(app) == 0
        assert user.email == grace.email


async def test_a_connection_is_released_again_after_the_changes_are_stored(app: Litestar, grace: Person) -> None:
    async with config_of(app).get_session() as session:
        await run_update(session, User())
        await session.commit()
        [user] = await session.scalars(select(User))
        assert (user.email, user.display_name) == (grace.email, "Grace H.")
        await release_connection(session)
        assert connections_in_use(app) == 0
