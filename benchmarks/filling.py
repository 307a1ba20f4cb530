"""Fills the tables with as many users as wanted, by SQL, and says how much room they take."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # It carries no types.
from passlib.hash import argon2  # type: ignore[import-untyped]  # It carries no types.

from benchmarks.subjects import PASSWORD

# The parameters that a generated service starts with.
HASH = argon2.using(type="ID", memory_cost=47_104, rounds=1, parallelism=1).hash(PASSWORD)
USERS = "SELECT n, gen_random_uuid() AS id, 'user' || n || '@example.com' AS email FROM generate_series(0, $1 - 1) AS n"
# For each user a sign-in, a role, an entry in the trail and a network that the account knows.
OURS = (
    f"CREATE TEMPORARY TABLE someone AS {USERS}",
    """
    INSERT INTO "user" (id, email, password_hash, is_active, is_verified, display_name, created_at)
    SELECT id, email, '{hash}', true, true, 'User ' || n, now() - n * interval '1 second' FROM someone
    """,
    """
    INSERT INTO user_session (id, user_id, secret_digest, ip, user_agent, expires_at)
    SELECT gen_random_uuid(), id, sha256(id::text::bytea), '192.0.2.1',
           'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0', now() + interval '30 days'
    FROM someone
    """,
    """
    INSERT INTO user_role SELECT someone.id, role.id FROM someone JOIN role
    ON role.name = CASE n WHEN 0 THEN 'administrator' ELSE 'member' END
    """,
    """
    INSERT INTO audit_event (id, created_at, kind, actor_id, target_id, ip, request_id)
    SELECT gen_random_uuid(), now() - n * interval '1 second', 'sign-in.succeeded', id, id, '192.0.2.1', md5(n::text)
    FROM someone
    """,
    """
    INSERT INTO attempts (id, bucket, count, expires_at)
    SELECT gen_random_uuid(), sha256(email::bytea), 1, now() + interval '30 days' FROM someone
    """,
)
LITESTAR_USERS = (
    f"CREATE TEMPORARY TABLE someone AS {USERS}",
    """
    INSERT INTO "user" (id, email, password_hash, is_active, is_verified) SELECT id, email, '{hash}', true, true
    FROM someone
    """,
    "INSERT INTO role (id, name, description) VALUES (gen_random_uuid(), 'member', 'Belongs to us.')",
    "INSERT INTO user_role SELECT someone.id, role.id FROM someone CROSS JOIN role",
)
FASTAPI_USERS = (
    f"CREATE TEMPORARY TABLE someone AS {USERS}",
    """
    INSERT INTO "user" (id, email, hashed_password, is_active, is_superuser, is_verified)
    SELECT id, email, '{hash}', true, false, true FROM someone
    """,
)
SIZES = """
    SELECT relname, pg_total_relation_size(oid) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples > 100 ORDER BY 2 DESC
"""


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[Any]:
    """A connection of our own."""
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""), timeout=60)
    try:
        yield connection
    finally:
        await connection.close()


async def make_database(server_url: str, name: str) -> str:
    """Another database on this server; returns its address."""
    async with connected(server_url) as connection:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}"')
    before, _, query = server_url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}?{query}"


async def fill(database_url: str, statements: tuple[str, ...], users: int) -> None:
    """Make so many users, and let PostgreSQL know."""
    async with connected(database_url) as connection:
        await connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '256MB'")
        for statement in statements:
            filled = statement.replace("{hash}", HASH).replace("$1", str(users))
            await connection.execute(filled)
        await connection.execute("VACUUM ANALYZE")


async def bytes_per_user(database_url: str, users: int) -> dict[str, int]:
    """How much room each table takes for one, with its indexes."""
    async with connected(database_url) as connection:
        return {name: size // users for name, size in await connection.fetch(SIZES)}
