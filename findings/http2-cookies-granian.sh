#!/bin/bash
# Guess: a cookie that a browser sends reaches the application, whichever HTTP version carries it.
# What happens: over HTTP/2, Chromium sends each cookie as a header field of its own. Granian passes these fields on as they
# are, and Litestar's request.cookies reads only the first, so every other cookie is missing. Hypercorn joins the fields.
# Why it matters here: a browser that holds any cookie besides the session cookie can look signed out. Granian speaks HTTP/2
# as soon as it has a certificate, and tests over HTTP/1.1 stay green. We serve with uvicorn and leave HTTP/2 to the proxy
# (docs/decisions of the service: 0030-uvicorn-behind-a-command-of-ours.md).
# Seen on 2026-11-29 with litestar 2.25.0, granian 2.8.9, hypercorn 0.18.0, Chromium 147 (@sparticuz/chromium 147.0.0).
# Needs node 20 or newer and the system libraries libnss3 and libexpat.
set -euo pipefail

tmp=$(mktemp -d)
servers=()
finish() {
    for pid in "${servers[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait
    rm -rf "$tmp"
}
trap finish EXIT
export TMPDIR=$tmp
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q litestar==2.25.0 granian==2.8.9 hypercorn==0.18.0 trustme==1.2.1
npm install --silent --no-audit --no-fund @sparticuz/chromium@147.0.0 puppeteer-core@24.43.1 > /dev/null

cat > app.py << 'PY'
from litestar import Litestar
from litestar import Request
from litestar import Response
from litestar import get
from litestar.datastructures import Cookie


@get("/sign-in")
async def sign_in() -> Response[str]:
    return Response("", cookies=[Cookie(key="theme", value="dark"), Cookie(key="session", value="ada", httponly=True)])


@get("/cookies")
async def cookies(request: Request) -> str:
    fields = sum(name == b"cookie" for name, _ in request.scope["headers"])
    return f"HTTP/{request.scope['http_version']}, cookie fields: {fields}, cookies: {' '.join(sorted(request.cookies))}"


app = Litestar([sign_in, cookies], logging_config=None)
PY
cat > visit.mjs << 'JS'
import chromium from '@sparticuz/chromium';
import puppeteer from 'puppeteer-core';

const browser = await puppeteer.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--ignore-certificate-errors'],
    headless: 'shell',
});
const page = await browser.newPage();
for (const [name, port] of [['granian', process.argv[2]], ['hypercorn', process.argv[3]]]) {
    await page.goto(`https://localhost:${port}/sign-in`);
    await page.goto(`https://localhost:${port}/cookies`);
    console.log(`${name}: ${await page.evaluate(() => document.body.innerText)}`);
}
await browser.close();
JS
venv/bin/python -m trustme -q -i localhost
read -r granian hypercorn < <(venv/bin/python -c '
import socket
a, b = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
venv/bin/granian --interface asgi --host 127.0.0.1 --port "$granian" \
    --ssl-certificate server.pem --ssl-keyfile server.key app:app > granian.log 2>&1 &
servers+=($!)
venv/bin/hypercorn --certfile server.pem --keyfile server.key -b "127.0.0.1:$hypercorn" app:app > hypercorn.log 2>&1 &
servers+=($!)
venv/bin/python - "$granian" "$hypercorn" << 'PY'
import socket
import sys
import time

for port in map(int, sys.argv[1:]):
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)
    else:
        sys.exit(f"No server on port {port}.")
PY

cat > expected << 'TXT'
granian: HTTP/2, cookie fields: 2, cookies: theme
hypercorn: HTTP/2, cookie fields: 1, cookies: session theme
TXT
timeout 60 node visit.mjs "$granian" "$hypercorn" > seen
cat seen
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-29)." >&2; exit 1; }
echo "As described."
