#!/bin/bash
# Guess: after a flush, SQLAlchemy knows the value of a generated column, since INSERT and UPDATE can both return it.
# What happens: it does after INSERT. After UPDATE the column is expired, and reading it asks the database again; with AsyncSession that
# raises MissingGreenlet. The default of `eager_defaults`, "auto", covers INSERT alone; True covers both.
# Why it matters here: a team adds a generated column to its users and lists it in the response, and every PATCH of a user is a 500. Our
# models of users and roles set `eager_defaults` (app/models.py, tests/test_columns.py of the template).
# Seen on 2026-11-30 with SQLAlchemy 2.0.58 and aiosqlite 0.22.1; asyncpg behaves in the same way.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q sqlalchemy==2.0.58 aiosqlite==0.22.1 greenlet==3.5.6

cat > flush.py << 'PY'
import asyncio

import sqlalchemy as sa
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.orm import Mapped
from sqlalchemy.orm import mapped_column


class Base(DeclarativeBase):
    id: Mapped[int] = mapped_column(primary_key=True)
    net: Mapped[int]
    gross: Mapped[int] = mapped_column(sa.Computed("net * 2"))


class Auto(Base):
    __tablename__ = "auto"


class Always(Base):
    __tablename__ = "always"
    __mapper_args__ = {"eager_defaults": True}


async def main() -> None:
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    for kind in (Auto, Always):
        async with AsyncSession(engine, expire_on_commit=False) as session:
            row = kind(net=1)
            session.add(row)
            await session.flush()
            print(f"{kind.__name__}, after INSERT: {row.gross}")
            row.net = 2
            await session.flush()
            try:
                print(f"{kind.__name__}, after UPDATE: {row.gross}")
            except MissingGreenlet as error:
                print(f"{kind.__name__}, after UPDATE: {type(error).__name__}")
    await engine.dispose()


asyncio.run(main())
PY

cat > expected << 'TXT'
Auto, after INSERT: 2
Auto, after UPDATE: MissingGreenlet
Always, after INSERT: 2
Always, after UPDATE: 4
TXT
venv/bin/python flush.py > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
