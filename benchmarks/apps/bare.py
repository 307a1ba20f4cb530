"""A Litestar service with SQLAlchemy and no accounts: what a service costs before it has any."""

import os

from advanced_alchemy.base import UUIDBase
from advanced_alchemy.extensions.litestar import AsyncSessionConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyDTO
from advanced_alchemy.extensions.litestar import SQLAlchemyInitPlugin
from litestar import Litestar
from litestar import get
from litestar.di import NamedDependency
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped


class User(UUIDBase):
    """Somebody."""

    __tablename__ = "user"

    email: Mapped[str]


@get("/health")
async def health() -> dict[str, str]:
    """It answers."""
    return {"status": "ok"}


@get("/users/me", return_dto=SQLAlchemyDTO[User])
async def read_user(db_session: NamedDependency[AsyncSession]) -> User:
    """Anybody."""
    return (await db_session.scalars(select(User).limit(1))).one()


sqlalchemy = SQLAlchemyAsyncConfig(
    connection_string=os.environ["DATABASE_URL"], session_config=AsyncSessionConfig(expire_on_commit=False)
)
app = Litestar([health, read_user], plugins=[SQLAlchemyInitPlugin(sqlalchemy)])
