"""Judges the sign-in or token of a request again if its body arrives late."""

from time import monotonic
from typing import Any

from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp
from litestar.types import Receive
from litestar.types import Scope
from litestar.types import Send
from sqlalchemy import select

from app import clock
from app.auth.user_sessions import is_alive
from app.database.transactions import new_transaction
from app.http.current_request import current_request
from app.models import AccessToken
from app.models import User
from app.models import UserSession

# Since the request began. Most bodies arrive with the head, and cost no further statement.
LATE_AFTER_SECONDS = 1


class LateBodies(ASGIMiddleware):
    """Refuses a request whose sign-in or token ends before its body is complete.

    The head says who the caller is, and the body may take half a minute more. A thief could begin requests on any
    route, also on yours, and finish them after the owner has reset the password.
    """

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass the request on.

        Raises:
            NotAuthorizedException: if the sign-in or token has ended.
        """

        async def receive_while_signed_in() -> Any:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                await _require_sign_in(scope)
            return message

        # `RefuseCrossSite` may have waited for the end of a body that no handler reads.
        await _require_sign_in(scope)
        await next_app(scope, receive_while_signed_in, send)


async def _require_sign_in(scope: Scope) -> None:
    caller, app = current_request(), scope["litestar_app"]
    if caller.user_id is None or monotonic() - caller.began < LATE_AFTER_SECONDS:
        return
    if caller.token is None:
        is_it = (UserSession.id == caller.session_id) & is_alive(app.state.settings)
        found = select(UserSession.id).join(User, User.id == UserSession.user_id)
    else:
        is_it = (AccessToken.id == caller.token.id) & (AccessToken.expires_at > clock.now())
        found = select(AccessToken.id).join(User, User.id == AccessToken.user_id)
    async with new_transaction(app) as session:
        if await session.scalar(found.where(is_it, User.is_active, User.is_verified)) is None:
            raise NotAuthorizedException
