#!/bin/bash
# Guess: when an application refuses to start (a setting is missing), its server exits with a code other than 0, with one worker
# or with several.
# What happens: uvicorn exits with 3, but with --workers 2 it exits with 0 after both workers have failed. Hypercorn exits with 0
# either way. Granian exits with 1 and gunicorn with 3. Conversely, when SIGTERM ends uvicorn in an orderly way, it exits with
# 143, and with 0 with --workers 2.
# Why it matters here: "Restart=on-failure" and "restart: on-failure" do not restart a service that exits with 0, a step that
# only looks at the exit code takes the refusal for a success, and an orderly stop looks like a failure. Our app/operations/serve.py exits
# with 0 after SIGTERM and with another code when a worker could not start
# (docs/decisions of the service: 0030-uvicorn-behind-a-command-of-ours.md).
# Seen on 2026-11-29 with litestar 2.25.0, uvicorn 0.54.0, granian 2.8.9, hypercorn 0.18.0, gunicorn 27.0.1 with
# uvicorn-worker 0.4.0.
set -euo pipefail

tmp=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then kill "$server" 2> /dev/null || true; fi
    rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q litestar==2.25.0 uvicorn==0.54.0 granian==2.8.9 hypercorn==0.18.0 \
    gunicorn==27.0.1 uvicorn-worker==0.4.0

PATH=$tmp/venv/bin:$PATH

cat > app.py << 'PY'
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from litestar import Litestar


@asynccontextmanager
async def refuse(_: Litestar) -> AsyncIterator[None]:
    raise RuntimeError("DATABASE_URL is not set")
    yield


@asynccontextmanager
async def start(_: Litestar) -> AsyncIterator[None]:
    Path("started").touch()
    yield


refusing = Litestar(lifespan=[refuse], logging_config=None)
starting = Litestar(lifespan=[start], logging_config=None)
PY

port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
refused() {
    code=0
    timeout 60 "$@" > log 2>&1 || code=$?
    grep -q "DATABASE_URL is not set" log || { echo "The refusal did not appear in the log." >&2; exit 1; }
    echo "refused start: exit $code: ${*//"$port"/PORT}"
}
stopped() {
    rm -f started
    "$@" > log 2>&1 &
    server=$!
    for _ in $(seq 300); do if [ -e started ]; then break; fi; sleep 0.1; done
    sleep 2
    kill -TERM "$server"
    code=0
    wait "$server" || code=$?
    server=
    echo "SIGTERM: exit $code: ${*//"$port"/PORT}"
}

cat > expected << 'TXT'
refused start: exit 3: uvicorn app:refusing --port PORT
refused start: exit 0: uvicorn app:refusing --port PORT --workers 2
refused start: exit 1: granian --interface asgi --port PORT app:refusing
refused start: exit 1: granian --interface asgi --port PORT --workers 2 app:refusing
refused start: exit 0: hypercorn app:refusing -b 127.0.0.1:PORT
refused start: exit 0: hypercorn app:refusing -b 127.0.0.1:PORT -w 2
refused start: exit 3: gunicorn app:refusing -k uvicorn_worker.UvicornWorker -b 127.0.0.1:PORT
refused start: exit 3: gunicorn app:refusing -k uvicorn_worker.UvicornWorker -b 127.0.0.1:PORT -w 2
SIGTERM: exit 143: uvicorn app:starting --port PORT
SIGTERM: exit 0: uvicorn app:starting --port PORT --workers 2
TXT
{
    refused uvicorn app:refusing --port "$port"
    refused uvicorn app:refusing --port "$port" --workers 2
    refused granian --interface asgi --port "$port" app:refusing
    refused granian --interface asgi --port "$port" --workers 2 app:refusing
    refused hypercorn app:refusing -b "127.0.0.1:$port"
    refused hypercorn app:refusing -b "127.0.0.1:$port" -w 2
    refused gunicorn app:refusing -k uvicorn_worker.UvicornWorker -b "127.0.0.1:$port"
    refused gunicorn app:refusing -k uvicorn_worker.UvicornWorker -b "127.0.0.1:$port" -w 2
    stopped uvicorn app:starting --port "$port"
    stopped uvicorn app:starting --port "$port" --workers 2
} > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
