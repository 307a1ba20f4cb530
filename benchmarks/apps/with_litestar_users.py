"""litestar-users as its documentation shows it: bearer tokens, roles and linked accounts."""

import os
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.base import orm_registry
from advanced_alchemy.extensions.litestar import AsyncSessionConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyDTO
from advanced_alchemy.extensions.litestar import SQLAlchemyDTOConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from litestar import Litestar
from litestar import get
from litestar.dto import DataclassDTO
from litestar_users import LitestarUsersConfig
from litestar_users import LitestarUsersPlugin
from litestar_users.config import AuthHandlerConfig
from litestar_users.config import CurrentUserHandlerConfig
from litestar_users.config import JWTAuthConfig
from litestar_users.mixins import SQLAlchemyOAuthAccountMixin
from litestar_users.mixins import SQLAlchemyRoleMixin
from litestar_users.mixins import SQLAlchemyUserMixin
from litestar_users.service import BaseUserService
from passlib.hash import argon2  # type: ignore[import-untyped]  # It carries no types.
from sqlalchemy import Column
from sqlalchemy import ForeignKey
from sqlalchemy import Table
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column
from sqlalchemy.orm import relationship

# Both parameters are equal for all who are compared; without this it would store another hash at each sign-in.
HASH = argon2.using(type="ID", memory_cost=47_104, rounds=1, parallelism=1)


class Role(UUIDBase, SQLAlchemyRoleMixin):
    """A role."""

    __tablename__ = "role"


user_role = Table(
    "user_role",
    orm_registry.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True),
)


class OAuthAccount(UUIDBase, SQLAlchemyOAuthAccountMixin):
    """An account elsewhere."""

    __tablename__ = "oauth_account"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("user.id"))  # type: ignore[assignment]  # as documented


class User(UUIDBase, SQLAlchemyUserMixin):
    """Somebody with an account."""

    __tablename__ = "user"

    roles: Mapped[list[Role]] = relationship(secondary=user_role, lazy="selectin")
    oauth_accounts: Mapped[list[OAuthAccount]] = relationship(lazy="selectin")


class UserRepository(SQLAlchemyAsyncRepository[User]):
    """Users."""

    model_type = User


class UserService(BaseUserService[User, Role, Any]):  # type: ignore[type-var]  # its protocol wants `id` to be a union
    """What it brings along."""


@dataclass
class Registration:
    """Somebody asks for an account."""

    email: str
    password: str


class RegistrationDTO(DataclassDTO[Registration]):
    """Likewise."""


class UserRead(SQLAlchemyDTO[User]):
    """A user as callers see one."""

    config = SQLAlchemyDTOConfig(exclude={"password_hash"})


class UserUpdate(SQLAlchemyDTO[User]):
    """What users change."""

    config = SQLAlchemyDTOConfig(exclude={"id"}, partial=True)


@get("/health", exclude_from_auth=True)
async def health() -> dict[str, str]:
    """It answers."""
    return {"status": "ok"}


sqlalchemy = SQLAlchemyAsyncConfig(
    connection_string=os.environ["DATABASE_URL"],
    session_config=AsyncSessionConfig(expire_on_commit=False),
    create_all=True,
)
users: LitestarUsersPlugin = LitestarUsersPlugin(
    LitestarUsersConfig(
        auth_config=JWTAuthConfig(),
        secret=os.environ["SECRET_KEY"][:32],
        hash_schemes=[HASH],
        user_service_class=UserService,
        user_repository_class=UserRepository,
        user_registration_dto=RegistrationDTO,
        user_read_dto=UserRead,
        user_update_dto=UserUpdate,
        auth_handler_config=AuthHandlerConfig(),
        current_user_handler_config=CurrentUserHandlerConfig(),
    )
)
app = Litestar([health], plugins=[SQLAlchemyInitPlugin(sqlalchemy), users])
