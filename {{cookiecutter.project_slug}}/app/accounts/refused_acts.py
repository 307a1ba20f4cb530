"""Records refused acts in the audit trail, at most once a minute for each actor and type (ASVS 16.3.2).

The actor is the signed-in user, or else the network of the client.
"""

import logging
import re
from collections import OrderedDict
from datetime import datetime
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from advanced_alchemy.exceptions import RepositoryError
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.accounts import attempt_counters
from app.accounts import audit
from app.accounts.audit import Event
from app.database.transactions import new_transaction
from app.http.client_address import client_network
from app.http.current_request import current_request
from app.http.error_responses import row_of
from app.http.errors import RecentSignInRequired
from app.http.outages import first_of
from app.http.problem_details import ERROR
from app.settings import Settings

RECORDED = {HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}
# Not refusals of a rule: the caller confirms the password and goes on, or the change conflicts with a stored row.
NOT_RECORDED = (RecentSignInRequired, RepositoryError, SQLAlchemyError)
ONCE_IN = timedelta(minutes=1)
# How many refusals a process remembers, so that repeated ones cost no statement.
REMEMBERED = 10_000

logger = logging.getLogger(__name__)


async def note_error(error: Exception, scope: Scope) -> None:
    """A hook that keeps the error of a request for `RecordRefusals`."""
    scope["state"][ERROR] = error


class RecordRefusals(ASGIMiddleware):
    """Records refusals after the response is sent, so no caller waits and no response depends on it.

    The connection of the request is back in the pool by then. Other middleware refuses requests before their caller is
    known, so those refusals are not recorded.
    """

    scopes = (ScopeType.HTTP,)

    def __init__(self) -> None:
        self._remembered: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Run `next_app`, and record its refusal."""
        await next_app(scope, receive, send)
        error = scope["state"].get(ERROR)
        if error is None or (type_ := _type_of(error)) is None or current_request().is_refusal_recorded:
            return
        request: Request[Any, Any, Any] = Request(scope)
        actor = str(current_request().user_id or client_network(request, request.app.state.settings))
        if self._is_new((actor, type_)):
            try:
                await _record(request, actor, type_)
            except Exception as failure:  # noqa: BLE001  # the response is sent
                logger.warning("A refusal could not be added to the audit trail: %s", type(failure).__name__)

    def _is_new(self, refusal: tuple[str, str]) -> bool:
        now = clock.now()
        if self._remembered.get(refusal, now) > now:
            return False
        self._remembered.pop(refusal, None)
        self._remembered[refusal] = now + ONCE_IN
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return True


def _type_of(error: Exception) -> str | None:
    error = first_of(error)
    status, type_, _ = row_of(error)
    return type_ if status in RECORDED and not isinstance(error, NOT_RECORDED) else None


async def _record(request: Request[Any, Any, Any], actor: str, type_: str) -> None:
    settings: Settings = request.app.state.settings
    # The route, never the path: a path may hold a secret.
    route = re.sub(r":\w+}", "}", request.scope["path_template"])
    named = [value for value in request.path_params.values() if isinstance(value, UUID)]
    async with new_transaction(request.app) as session:
        [count] = await attempt_counters.add(
            session, {attempt_counters.bucket(settings, "refused", actor, type_): ONCE_IN}
        )
        # Otherwise another process has recorded it.
        if count.attempts == 1:
            audit.record(
                session,
                Event.ACT_REFUSED,
                next(iter(named), current_request().target_id),
                after={"method": request.method, "route": route, "type": type_},
            )
