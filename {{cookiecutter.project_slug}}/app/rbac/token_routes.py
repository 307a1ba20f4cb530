"""The access tokens of users, for callers with the permission to end sign-ins, and the permissions of tokens."""

import click
from litestar import delete
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from app.access_tokens import tokens
from app.access_tokens.commands import create_token
from app.access_tokens.routes import TokenId
from app.access_tokens.schemas import NewToken
from app.access_tokens.schemas import TokenRead
from app.accounts.routes import SERVICE
from app.auth.user_sessions import UserRequest
from app.database.sessions import request_session
from app.http.errors import InvalidField
from app.models import User
from app.permissions import Permission
from app.rbac.acts import begin
from app.rbac.guards import require_strength
from app.rbac.role_service import require_reach
from app.rbac.session_routes import MANAGE
from app.rbac.user_administration import AdministrationService
from app.rbac.user_routes import UserId
from app.settings import Settings

PERMISSION_OPTION = click.Option(
    ["--permission", "permissions"],
    multiple=True,
    type=click.Choice([permission.value for permission in Permission]),
    help="A permission of the user that the token has too; repeat the option for several.",
)


def require_held(settings: Settings, user: User, wanted: NewToken, is_strong: bool) -> None:  # noqa: FBT001  # a rule
    """Require that a new token has no permission that its owner lacks, or that wants a strong sign-in.

    Each is stored once, sorted.

    Raises:
        InvalidField: if its owner lacks one.
        StrongSignInRequired: if one wants a strong sign-in, and the token is made with another one.
    """
    # A role may contain permissions that the table no longer has.
    if lacking := sorted({*wanted.permissions} - ({*user.permissions} & {*Permission})):
        raise InvalidField("permissions", f"Not permitted to this user: {', '.join(lacking)}.")
    require_strength([Permission(name) for name in wanted.permissions], settings, is_strong=is_strong)
    wanted.permissions = sorted({*wanted.permissions})


@get("/users/{user_id:uuid}/access-tokens", guards=[MANAGE], dependencies=SERVICE, tags=["Users"])
async def list_tokens(user_id: UserId, service: NamedDependency[AdministrationService]) -> list[TokenRead]:
    """List the access tokens of a user, the newest first."""
    user: User = await service.get_user(user_id)
    return await tokens.of_user(service.session, user.id)


@delete("/users/{user_id:uuid}/access-tokens/{token_id:uuid}", guards=[MANAGE], tags=["Users"])
async def end_token(user_id: UserId, token_id: TokenId, request: UserRequest) -> None:
    """End an access token of a user."""
    session = request_session(request)
    user = (await begin(session, Permission.SESSIONS_MANAGE, user_ids=[user_id])).users[user_id]
    require_reach(user.permissions)
    await tokens.end(session, user, token_id)


ROUTES: list[HTTPRouteHandler] = [list_tokens, end_token]
tokens.RULES.append(require_held)
create_token.params.append(PERMISSION_OPTION)
