"""The routes that read and change the caller's profile, with the options of litestar-users for them."""

from typing import Any
from typing import cast

from litestar import Router
from litestar import get
from litestar import patch
from litestar.di import NamedDependency
from litestar.dto import AbstractDTO
from litestar.params import JSONBody
from litestar_users.config import LitestarUsersConfig

from app.accounts.profile import ProfileService
from app.accounts.routes import SERVICE
from app.auth.current_user import CurrentUser
from app.auth.current_user import current_row
from app.auth.user_sessions import UserRequest
from app.models import User


def profile_routes(config: LitestarUsersConfig[Any, Any]) -> list[Router]:
    """GET and PATCH; none if `current_user_handler_config` is None."""
    options = config.current_user_handler_config
    if options is None:
        return []
    read_dto: type[AbstractDTO[User]] = options.user_read_dto or config.user_read_dto
    shown = {field.name for field in read_dto.generate_field_definitions(User)}
    is_carried = shown <= {*dir(CurrentUser)}

    @get(options.path, return_dto=read_dto, opt=options.opt)
    async def get_current_user(request: UserRequest) -> User:
        """Get current user info."""
        # The DTO reads attributes, and both have them.
        return cast("User", request.user) if is_carried else await current_row(request)

    @patch(options.path, dto=config.user_update_dto, return_dto=read_dto, opt=options.opt, dependencies=SERVICE)
    async def update_current_user(
        data: JSONBody[User], request: UserRequest, service: NamedDependency[ProfileService]
    ) -> User:
        """Update the current user."""
        data.id = request.user.id
        return await service.update_user(data)

    return [Router("/", route_handlers=[get_current_user, update_current_user], tags=options.tags)]
