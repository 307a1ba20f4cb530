"""Sessions, and the one place that commits.

| what | is stored |
| --- | --- |
| what handlers and services do, with its mails and its entries in the trail | if and only if a success is answered |
| attempts that are counted, refusals in the trail, the end of a sign-in by a copy | `aside`, whatever is answered |
| that a sign-in was seen | at once, before the handler begins |
| mails that have left, rows that have expired | `own_transaction`, in the background |
| what a command does | `only_transaction`, if it ends without an error |
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncSession

from app.database.sessions import WAITING
from app.database.sessions import _config
from app.database.sessions import engine_of
from app.database.sessions import request_session
from app.http.error_responses import problem_response
from app.http.problem_details import ERROR


@asynccontextmanager
async def new_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """A transaction that stands whatever the answer is: for what must survive a refusal."""
    async with _config(app).get_session() as session, session.begin():
        yield session


@asynccontextmanager
async def separate_transaction(session: AsyncSession) -> AsyncIterator[AsyncSession]:
    """Likewise, from within a request that has written nothing yet; nobody waits for a second connection or a lock."""
    await session.commit()
    async with AsyncSession(session.bind, info=session.info) as other, other.begin():
        yield other


@asynccontextmanager
async def command_transaction(app: Litestar) -> AsyncIterator[AsyncSession]:
    """The one transaction of a command; the connections are closed after it."""
    try:
        async with new_transaction(app) as session:
            yield session
    finally:
        await engine_of(app).dispose()


def _is_waiting_changed(session: AsyncSession) -> bool:
    return any(inspect(model).modified for model in session.info.get(WAITING, ()))


class CommitBeforeSuccess(ASGIMiddleware):
    """Commits before the first byte of a success leaves; whatever else happens, closing the session rolls back.

    A commit that fails is answered with an error and nothing of the success is sent, no mail either: mails are rows
    that the same commit would have stored.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Send what `next_app` answers, once it is stored."""
        connection: Request[Any, Any, Any] = Request(scope, receive, send)
        is_lost = False

        async def commit_then_send(message: Message) -> None:
            nonlocal is_lost
            if message["type"] == "http.response.start" and _is_success(message["status"], connection):
                session = request_session(connection)
                try:
                    if session.in_transaction() or _is_waiting_changed(session):
                        await session.commit()
                except Exception as error:
                    is_lost = True
                    answer = problem_response(connection, error).to_asgi_response(app=None, request=connection)
                    await answer(scope, receive, send)
                    raise
            await send(message)

        try:
            await next_app(scope, receive, commit_then_send)
        except LitestarException:
            if not is_lost:
                raise


def _is_success(status: int, request: Request[Any, Any, Any]) -> bool:
    # A person who is refused may be led to another page, with the status of a success.
    return status < 400 and request.state.get(ERROR) is None
