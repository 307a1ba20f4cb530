"""Signing out, for every kind of credentials; app/factors has the routes that sign in."""

from litestar import Response
from litestar import post
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import HTTPRouteHandler
from litestar.router import Router

from app.accounts import audit
from app.accounts.audit import Event
from app.auth import credentials
from app.auth import me_routes
from app.auth.signed_out import SIGN_OUT_HEADERS
from app.auth.signed_out import signed_out
from app.auth.user_sessions import UserRequest
from app.auth.user_sessions import end_session
from app.database.sessions import request_session
from app.http.strong_sign_in import OPEN_WITHOUT_FACTOR


@post("/logout", status_code=204, opt=OPEN_WITHOUT_FACTOR, tags=["Credentials"])
async def logout(request: UserRequest) -> Response[None]:
    """Sign out: the credentials of this request stop working."""
    ended = await end_session(request_session(request), request.auth["session_id"])
    if ended is None:
        # Another request with the same credentials signed out first.
        raise NotAuthorizedException
    audit.record(request_session(request), Event.SIGNED_OUT, request.user.id)
    headers: dict[str, str] = {}
    for more in SIGN_OUT_HEADERS:
        headers |= await more(request, ended)
    return signed_out(request, headers)


ROUTES: list[HTTPRouteHandler | Router] = [logout, *credentials.ROUTES, *me_routes.ROUTES]
