"""How every act of administration begins: lock the rows that it is judged on, then judge the caller again.

The guard of the route has judged the caller as they were when the request came in. Another act may have changed that
since, so nothing that was read before the locks counts.

The order of the locks is that of app/accounts/row_locks.py: first the caller and the users concerned, by id; then the
roles concerned and all roles that these users have, by id. An act on an administrator therefore locks the
administrators' role, so the second of two such acts is judged on what the first one has left.
"""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from advanced_alchemy.exceptions import NotFoundError
from litestar.exceptions import PermissionDeniedException
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.row_locks import lock
from app.accounts.row_locks import still_signed_in
from app.auth.user_sessions import STRONG
from app.http.current_request import current_request
from app.models import Role
from app.models import User
from app.models import UserSession
from app.permissions import Permission
from app.rbac.guards import require_strength


class Locked(NamedTuple):
    """What an act is judged on, by id; no other transaction changes it before this one ends."""

    users: dict[UUID | int, User]
    roles: dict[UUID | int, Role]


async def begin(
    session: AsyncSession,
    *needed: Permission,
    user_ids: Collection[UUID | int] = (),
    role_ids: Collection[UUID | int] = (),
    deletes_user: bool = False,
) -> Locked:
    """Lock these users and roles, and require that the caller still holds the `needed` permissions.

    Raises:
        NotAuthorizedException: if the caller was deleted, deactivated or signed out after the request began.
        NotFoundError: if one of these users or roles does not exist.
        PermissionDeniedException: if the caller lost a permission after the request began.
        StrongSignInRequired: if the sign-in lost the strength that a permission wants.
    """
    now = current_request()
    # If the act is refused, its entry in the trail names the user, or else the role, also where the path does not.
    now.target_id = next((each for each in (*user_ids, *role_ids) if isinstance(each, UUID)), None)
    locked = await _lock(session, user_ids, role_ids, deletes_user=deletes_user)
    if now.user_id is not None:
        now.user = await still_signed_in(session, locked.users.get(now.user_id))
        if not set(needed) <= set(now.user.permissions):
            raise PermissionDeniedException
        amr = await session.scalar(select(UserSession.amr).where(UserSession.id == now.session_id))
        is_strong = STRONG in (amr or ()) if now.token is None else now.token.is_strong
        require_strength(needed, session.info["settings"], is_strong=is_strong)
    if not (set(user_ids) <= locked.users.keys() and set(role_ids) <= locked.roles.keys()):
        raise NotFoundError
    return locked


async def _lock(
    session: AsyncSession,
    user_ids: Collection[UUID | int],
    role_ids: Collection[UUID | int],
    *,
    deletes_user: bool,
) -> Locked:
    caller_id = current_request().user_id
    ids = {*user_ids} if caller_id is None else {*user_ids, caller_id}
    users = await lock(session, User, *ids, to_delete=deletes_user)
    held = {role.id for user in users.values() for role in user.roles}
    roles = await lock(session, Role, *held, *role_ids)
    # Again, since a role may have been deleted while this request waited for it.
    await session.execute(select(User).where(User.id.in_(users)), execution_options={"populate_existing": True})
    return Locked(users, roles)
