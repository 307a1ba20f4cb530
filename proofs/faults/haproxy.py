"""HAProxy in front of several machines, as far as one machine can show: each has two processes and a port."""

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from httpx import URL

from tests.processes.workers import ToWorker
from tests.processes.workers import Worker
from tests.processes.workers import until

CONFIGURATION = """
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    option redispatch
    option httpchk GET /health
    default-server check inter 200ms fall 2 rise 1
frontend service
    bind 127.0.0.1:{port}
    default_backend machines
backend machines
    balance roundrobin
{servers}
"""


@asynccontextmanager
async def haproxy(workers: list[Worker]) -> AsyncIterator[ToWorker]:
    """The way to the service through HAProxy, which Debian has a package of."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    addresses = [URL(worker.url).netloc.decode() for worker in workers]
    servers = "\n".join(f"    server machine{number} {address}" for number, address in enumerate(addresses))
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        file.write(CONFIGURATION.format(port=port, servers=servers))
        file.flush()
        process = await asyncio.create_subprocess_exec("haproxy", "-f", Path(file.name))
        way = ToWorker(f"http://127.0.0.1:{port}")
        try:
            await until(lambda: _listens(port))
            yield way
        finally:
            await way.aclose()
            process.terminate()
            await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
