#!/bin/bash
# Guess: a server that stops in an orderly way after SIGTERM answers every request of a client that could connect.
# What happens: connections that the kernel has completed and the server has not accepted yet are reset when it closes its
# socket. With eight clients that connect for each request, a stop of uvicorn, of gunicorn or of Hypercorn loses about eight
# requests, and a stop of Granian about one.
# Why it matters here: a proxy may repeat a request whose connection was refused, and answers 502 to a POST whose connection was
# reset. A rolling restart loses sign-ins, however long it drains before. Our app/operations/serve.py accepts what waits, closes
# the socket, and answers those connections.
# Seen on 2026-11-30 with uvicorn 0.54.0, gunicorn 27.0.1 with uvicorn-worker 0.4.0, hypercorn 0.18.0, granian 2.8.9, Linux.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

python3 -m venv venv
venv/bin/pip install -q uvicorn==0.54.0 uvloop==0.23.0 httptools==0.8.0 gunicorn==27.0.1 uvicorn-worker==0.4.0 hypercorn==0.18.0 granian==2.8.9

cat > app.py << 'PY'
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})
PY

cat > stops.py << 'PY'
import signal
import socket
import subprocess
import threading
import time

with socket.create_server(("127.0.0.1", 0)) as free:
    PORT = free.getsockname()[1]
STOPS, CLIENTS = 10, 8
REQUEST = b"POST / HTTP/1.1\r\nHost: service\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
BIND = f"127.0.0.1:{PORT}"
COMMANDS = {
    "uvicorn": ["uvicorn", "app:app", "--port", str(PORT), "--no-access-log"],
    "gunicorn": ["gunicorn", "app:app", "-k", "uvicorn_worker.UvicornWorker", "--bind", BIND],
    "hypercorn": ["hypercorn", "app:app", "--bind", BIND],
    "granian": ["granian", "--interface", "asgi", "app:app", "--port", str(PORT)],
}


def ask(is_over, lost):
    while not is_over.is_set():
        with socket.socket() as client:
            client.settimeout(10)
            try:
                client.connect(("127.0.0.1", PORT))
            except OSError:
                time.sleep(0.01)
                continue
            try:
                client.sendall(REQUEST)
                if not client.recv(100):
                    lost.append("closed")
            except ConnectionError:
                lost.append("reset")


def lost_by_a_stop(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", PORT)).close()
            break
        except OSError:
            time.sleep(0.05)
    is_over, lost = threading.Event(), []
    clients = [threading.Thread(target=ask, args=(is_over, lost)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    is_over.set()
    for client in clients:
        client.join()
    return len(lost)


for name, command in COMMANDS.items():
    counts = [lost_by_a_stop(command) for _ in range(STOPS)]
    print(f"{name}: {sum(counts)} requests lost in {STOPS} stops")
    if name != "granian" and not sum(counts):
        raise SystemExit(f"{name} has changed")
PY

PATH=$tmp/venv/bin:$PATH venv/bin/python stops.py
