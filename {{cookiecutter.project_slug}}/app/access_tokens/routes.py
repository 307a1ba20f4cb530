"""The routes for the caller's own tokens. None of them is open to tokens."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from litestar import delete
from litestar import get
from litestar import post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from litestar.params import Parameter
from litestar.router import Router

from app.access_tokens import tokens
from app.access_tokens.schemas import CreatedToken
from app.access_tokens.schemas import NewToken
from app.access_tokens.schemas import TokenRead
from app.accounts.attempt_counters import Limit
from app.accounts.attempt_counters import count_below
from app.accounts.row_locks import lock_user
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.http.client_address import client_network
from app.http.errors import TooManyAttempts
from app.http.recent_sign_in import require_recent_sign_in

# Each is told by mail.
MADE = Limit(20, timedelta(hours=1))
TokenId = Annotated[UUID, Parameter(description="From the list.")]


@get("/")
async def list_tokens(request: UserRequest) -> list[TokenRead]:
    """List the caller's access tokens, the newest first."""
    return await tokens.of_user(request_session(request), request.user.id)


@post("/", guards=[require_recent_sign_in], refuses=[TooManyAttempts])
async def create_token(data: JSONBody[NewToken], request: UserRequest) -> CreatedToken:
    """Create an access token. It is shown once."""
    await count_below(request_session(request), MADE, "access-token", str(request.user.id))
    network = client_network(request, request.app.state.settings)
    is_strong = request.auth["is_strong"]
    return await tokens.make(request_session(request), request.user.id, data, network, is_strong=is_strong)


@delete("/{token_id:uuid}", status_code=204)
async def delete_token(token_id: TokenId, request: UserRequest) -> None:
    """Delete an access token; it stops working at once."""
    session = request_session(request)
    await tokens.end(session, await lock_user(session, request.user.id), token_id)


ROUTES: list[HTTPRouteHandler | Router] = [
    Router(
        "/users/me/access-tokens",
        route_handlers=[list_tokens, create_token, delete_token],
        tags=["Access tokens"],
    )
]
