"""FastAPI-Users as its documentation shows it, with SQLAlchemy; STRATEGY says where its tokens are.

`jwt` keeps them nowhere, so none can be taken back; `database` keeps them in a table.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from typing import Any
from uuid import UUID

from fastapi import Depends
from fastapi import FastAPI
from fastapi_users import BaseUserManager
from fastapi_users import FastAPIUsers
from fastapi_users import UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend
from fastapi_users.authentication import BearerTransport
from fastapi_users.authentication import JWTStrategy
from fastapi_users.authentication.strategy.db import DatabaseStrategy
from fastapi_users.password import PasswordHelper
from fastapi_users.schemas import BaseUser
from fastapi_users.schemas import BaseUserUpdate
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID
from fastapi_users_db_sqlalchemy import SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyBaseAccessTokenTableUUID
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase

SECRET = os.environ["SECRET_KEY"]
LIFETIME_SECONDS = 3600
# The parameters are equal for all who are compared.
HASH = PasswordHash((Argon2Hasher(memory_cost=47_104, time_cost=1, parallelism=1),))

engine = create_async_engine(os.environ["DATABASE_URL"])
session_maker = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """Somebody with an account."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A sign-in."""


async def session() -> AsyncIterator[AsyncSession]:
    """One for each request."""
    async with session_maker() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def user_database(session: Session) -> AsyncIterator[Any]:
    """Users."""
    yield SQLAlchemyUserDatabase(session, User)


async def token_database(session: Session) -> AsyncIterator[Any]:
    """Sign-ins."""
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


class UserManager(UUIDIDMixin, BaseUserManager[User, UUID]):
    """What it brings along."""

    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


async def user_manager(database: Annotated[Any, Depends(user_database)]) -> AsyncIterator[UserManager]:
    """One for each request."""
    yield UserManager(database, PasswordHelper(HASH))


def jwt_strategy() -> Any:
    """Tokens that are kept nowhere."""
    return JWTStrategy(secret=SECRET, lifetime_seconds=LIFETIME_SECONDS)


def database_strategy(tokens: Annotated[Any, Depends(token_database)]) -> Any:
    """Tokens in a table."""
    return DatabaseStrategy(tokens, lifetime_seconds=LIFETIME_SECONDS)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """With the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


STRATEGIES: dict[str, Any] = {"jwt": jwt_strategy, "database": database_strategy}
backend: Any = AuthenticationBackend(
    name="jwt", transport=BearerTransport(tokenUrl="login"), get_strategy=STRATEGIES[os.environ["STRATEGY"]]
)
users = FastAPIUsers[User, UUID](user_manager, [backend])
app = FastAPI(lifespan=lifespan)
app.include_router(users.get_auth_router(backend))
app.include_router(users.get_users_router(BaseUser[UUID], BaseUserUpdate), prefix="/users")


@app.get("/health")
async def health() -> dict[str, str]:
    """It answers."""
    return {"status": "ok"}
