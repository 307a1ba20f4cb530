#!/bin/bash
# Guess: a framework answers HEAD wherever a route answers GET, since RFC 9110 (9.1) says that all servers must support both.
# What happens: Starlette and Quart do. FastAPI, which is built on Starlette, and Litestar answer 405 to HEAD of a GET route.
# Why it matters here: health checks of proxies and monitors often send HEAD, and take the 405 for a service that is down. Our service
# answers HEAD as GET without the body (app/http/raw_requests.py, tests/test_head_requests.py).
# Seen on 2026-11-30 with litestar 2.25.0, fastapi 0.165.0, starlette 1.10.0, quart 0.22.0.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q litestar==2.25.0 fastapi==0.165.0 starlette==1.10.0 quart==0.22.0 httpx==0.28.1

cat > ask.py << 'PY'
import asyncio

import httpx
from fastapi import FastAPI
from litestar import Litestar
from litestar import get
from quart import Quart
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def in_starlette(_: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


@get("/health")
async def in_litestar() -> str:
    return "ok"


fastapi, quart = FastAPI(), Quart("health")
fastapi.get("/health")(lambda: "ok")
quart.get("/health")(lambda: "ok")
APPLICATIONS = {
    "starlette": Starlette(routes=[Route("/health", in_starlette)]),
    "quart": quart,
    "fastapi": fastapi,
    "litestar": Litestar([in_litestar], logging_config=None),
}


async def main() -> None:
    for name, application in APPLICATIONS.items():
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            got, head = await client.get("/health"), await client.head("/health")
            print(f"{name}: GET {got.status_code}, HEAD {head.status_code}")


asyncio.run(main())
PY

cat > expected << 'TXT'
starlette: GET 200, HEAD 200
quart: GET 200, HEAD 200
fastapi: GET 200, HEAD 405
litestar: GET 200, HEAD 405
TXT
venv/bin/python ask.py 2> /dev/null > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."
