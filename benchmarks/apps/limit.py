"""The limit: what Python can do for the same requests, with a driver, a server and nothing between them.

It reads the tables of a generated service, believes its credentials and answers its JSON. It is no service: it fails at
whatever else is asked of it.
"""

import asyncio
import os
import secrets
from collections.abc import Awaitable
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID
from uuid import uuid4

import argon2
import asyncpg  # type: ignore[import-untyped]  # It carries no types.
import jwt
import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

# It permits everything, also what is not stored; the service adds that from its table of permissions.
EVERYTHING = sorted(os.environ["PERMISSIONS"].split(","))
COLUMNS = """
    SELECT u.id, u.email, u.display_name, u.is_active, u.is_verified, u.created_at,
           array(SELECT r.name FROM user_role JOIN role r ON r.id = role_id WHERE user_id = u.id ORDER BY 1) AS roles
"""
WHO = f"""
    {COLUMNS} FROM user_session s JOIN "user" u ON u.id = s.user_id
    WHERE %s AND s.expires_at > $1 AND s.last_seen_at > $2
"""
BY_DIGEST = WHO % "s.secret_digest = $3"
BY_TOKEN = WHO % "s.id = $3 AND s.user_id = $4"
BY_EMAIL = f'{COLUMNS}, u.password_hash FROM "user" u WHERE lower(u.email) = $1'
SIGN_IN = """
    INSERT INTO user_session (id, user_id, secret_digest, created_at, secret_changed_at, last_seen_at, ip, user_agent,
                              authenticated_at, expires_at)
    VALUES ($1, $2, $3, $4, $4, $4, '127.0.0.1', $5, $4, $6)
"""
KEY = HKDF(SHA256(), 32, salt=None, info=b"access-token").derive(os.environ["SECRET_KEY"].encode())
ISSUER = os.environ["BASE_URL"]
IDLE, LIFETIME, MINUTES = timedelta(days=7), timedelta(days=30), timedelta(minutes=15)
SHOWN = ("id", "email", "display_name", "is_active", "is_verified", "created_at", "roles")
JSON = b"application/json"

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
hasher = argon2.PasswordHasher()
threads = ThreadPoolExecutor(os.cpu_count())
encode = msgspec.json.encode
pool: Any = None


class User(msgspec.Struct):
    """A user as callers see one."""

    id: UUID
    email: str
    display_name: str
    is_active: bool
    is_verified: bool
    created_at: datetime
    roles: list[str]
    permissions: list[str]


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Three routes."""
    if scope["type"] == "lifespan":
        await live(receive, send)
    elif scope["path"] == "/health":
        await answer(send, 200, b'{"status":"ok"}')
    elif scope["path"] == "/users/me":
        row = await who(dict(scope["headers"]))
        await (answer(send, 200, encode(user_of(row))) if row else answer(send, 401, b"{}"))
    else:
        await login(receive, send)


async def live(receive: Receive, send: Send) -> None:
    """Open the connections, as many as the service opens."""
    global pool  # noqa: PLW0603  # the limit takes the shortest way
    await receive()
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"].replace("+asyncpg", ""), min_size=1, max_size=10)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await pool.close()
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Send, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    """In one piece."""
    length = (b"content-length", str(len(body)).encode())
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", JSON), length, *headers]}
    )
    await send({"type": "http.response.body", "body": body})


async def who(headers: dict[bytes, bytes]) -> Any:
    """One statement in one round trip, for the cookie or the token."""
    now = datetime.now(UTC)
    if token := headers.get(b"authorization"):
        claims = jwt.decode(token[7:], KEY, algorithms=["HS256"], audience="api", issuer=ISSUER)
        return await pool.fetchrow(BY_TOKEN, now, now - IDLE, UUID(claims["sid"]), UUID(claims["sub"]))
    secret = headers[b"cookie"].partition(b"=")[2]
    return await pool.fetchrow(BY_DIGEST, now, now - IDLE, sha256(secret).digest())


def user_of(row: Any) -> User:
    """What is shown of a row."""
    shown = {name: row[name] for name in SHOWN}
    return User(**shown, permissions=EVERYTHING if "administrator" in row["roles"] else [])


async def login(receive: Receive, send: Send) -> None:
    """Without a throttle, a trail or mails."""
    data = msgspec.json.decode((await receive())["body"])
    row = await pool.fetchrow(BY_EMAIL, data["email"])
    await asyncio.get_running_loop().run_in_executor(threads, hasher.verify, row["password_hash"], data["password"])
    session_id, secret, now = uuid4(), secrets.token_urlsafe(32), datetime.now(UTC)
    await pool.execute(SIGN_IN, session_id, row["id"], sha256(secret.encode()).digest(), now, "wrk", now + LIFETIME)
    if os.environ["KIND"] == "session":
        cookie = (b"set-cookie", f"session={secret}; HttpOnly; Secure; SameSite=lax; Path=/".encode())
        await answer(send, 201, encode(user_of(row)), cookie)
        return
    claims = {"iss": ISSUER, "aud": "api", "sub": str(row["id"]), "sid": str(session_id), "iat": now}
    token = jwt.encode(claims | {"exp": now + MINUTES, "jti": str(uuid4())}, KEY, headers={"typ": "at+jwt"})
    await answer(send, 201, encode({"access_token": token, "refresh_token": secret, "expires_in": 900}))
