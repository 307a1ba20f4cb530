"""Transactions: one for each request, and a few that do not depend on the response.

* The transaction of a request holds the changes by handlers and services, their mails and their audit events.
  `CommitBeforeSuccess` stores it before a success is sent. An error stores none of it.
* A `separate_transaction` is stored at once, also if the request is refused: counted attempts, refusals in the audit
  trail, the end of a sign-in whose token was copied, the time of last use.
* A `new_transaction` belongs to no request: the delivery of mails, the removal of expired rows.
* A `command_transaction` is stored when the command succeeds.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from litestar import Litestar
from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import LitestarException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import Message
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from sqlalchemy import Connection
from sqlalchemy import Engine
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState
from sqlalchemy.orm import Session
from sqlalchemy.orm import SessionTransaction

from app.database.engine import READS_ONLY
from app.database.engine import close_connections
from app.database.sessions import config_of
from app.database.sessions import engine_of
from app.database.sessions import used_session
from app.http.error_responses import problem_response
from app.http.problem_details import ERROR

# In the `info` of a session, once its transaction has written something.
HAS_WRITTEN = "has written"


def allow_only_reads(session: AsyncSession) -> None:
    """Let PostgreSQL refuse every change by this session; a `separate_transaction` still writes."""
    session.sync_session.bind = _reading(session.sync_session.get_bind().engine)


@lru_cache(maxsize=1)
def _reading(engine: Engine) -> Engine:
    reading = engine.execution_options(**{READS_ONLY: True})
    event.listen(reading, "set_connection_execution_options", _keep_transaction)
    return reading


def _keep_transaction(_: Connection, options: dict[str, Any]) -> None:
    # Without a transaction there is none that reads only.
    if options.get("isolation_level") == "AUTOCOMMIT":
        del options["isolation_level"]


async def release_connection(session: AsyncSession) -> None:
    """Return the connection of a session to the pool before slow work; rows that were read stay readable.

    Raises:
        RuntimeError: if the transaction has changes, since they would be stored whether or not the request succeeds.
    """
    if _has_changes(session):
        raise RuntimeError("Release the connection before the first change, or start a new_transaction for the change.")
    # This stores nothing. A rollback would return the connection too, but SQLAlchemy would discard all rows with it.
    await session.commit()


def _has_changes(session: AsyncSession) -> bool:
    is_modified = any(session.is_modified(row) for row in session.dirty)
    return HAS_WRITTEN in session.info or is_modified or bool(session.new or session.deleted)


@event.listens_for(Session, "after_flush")
def _track_flush(session: Session, *_: Any) -> None:
    session.info[HAS_WRITTEN] = True


@event.listens_for(Session, "do_orm_execute")
def _track_statement(state: ORMExecuteState) -> None:
    # A statement written out as text may write, so it counts.
    if not state.is_select:
        state.session.info[HAS_WRITTEN] = True


@event.listens_for(Session, "after_transaction_end")
def _track_end(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(HAS_WRITTEN, None)


@asynccontextmanager
async def separate_transaction(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    """A transaction that is stored even if the request is refused. The request must not have changed anything yet.

    The connection of the request is released first, so that no request needs two of them or waits for its own locks.

    Raises:
        RuntimeError: if the request has changed something.
    """
    await release_connection(session)
    async with AsyncSession(session.bind, info=session.info) as other, other.begin():
        yield other


@asynccontextmanager
async def new_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """A transaction outside of any request. It is stored unless the block raises."""
    async with config_of(app).get_session() as session, session.begin():
        yield session


@asynccontextmanager
async def command_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """The one transaction of a command; all connections are closed after it."""
    try:
        async with new_transaction(app) as session:
            yield session
    finally:
        await close_connections(engine_of(app))


class CommitBeforeSuccess(ASGIMiddleware):
    """Commits the session of a request before the first byte of a success is sent.

    After an error nothing commits: the session is closed, which rolls back.

    If the commit fails, the caller gets an error and none of the success. No mail is sent either, since mails are rows
    of the same transaction.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Run `next_app`, and send its success once the changes are stored."""
        is_lost = False

        async def commit_then_send(message: Message) -> None:
            nonlocal is_lost
            if message["type"] == "http.response.start" and _is_success(message["status"], scope):
                session = used_session(scope)
                try:
                    if session is not None:
                        await session.commit()
                except Exception as error:
                    is_lost = True
                    connection: Request[Any, Any, Any] = Request(scope, receive, send)
                    answer = problem_response(connection, error).to_asgi_response(app=None, request=connection)
                    await answer(scope, receive, send)
                    # The handler must not go on sending.
                    raise
            await send(message)

        try:
            await next_app(scope, receive, commit_then_send)
        except LitestarException:
            if not is_lost:
                raise


async def roll_back(_: Exception, scope: Scope) -> None:
    """A hook that ends the transaction of a request before its error is answered.

    The response ends it, too. But if an error is raised while it is made, none is sent, and nothing else would release
    the connection and the locks of the request.
    """
    close: Any = config_of(scope["litestar_app"]).before_send_handler
    await close({"type": "http.disconnect"}, scope)


def _is_success(status: int, scope: Scope) -> bool:
    # A browser is refused with a redirect or a page, whose status is below 400.
    return status < 400 and scope["state"].get(ERROR) is None
