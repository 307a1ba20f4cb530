"""`python -m app.operations.serve`: the service as production runs it; `litestar run` is for development."""

import asyncio
import gc
import logging
import os
import signal
import sys
from contextlib import nullcontext
from multiprocessing import get_context
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from socket import socket
from tempfile import TemporaryDirectory
from threading import Thread
from types import FrameType

import click
from uvicorn import Config
from uvicorn import Server

from app import clock
from app.http.draining import DRAINING
from app.http.head_limits import LimitedProtocol
from app.operations import logs
from app.operations.listening import listening
from app.operations.listening import stop_listening
from app.settings import read_settings
from app.settings.types import UNIX

# Longer than proxies keep an idle connection open: otherwise they would send a request into one that is being closed.
KEEP_ALIVE_SECONDS = 75
# For requests that have begun. With the drain time, this is less than the 30 seconds after which Kubernetes kills.
FINISH_SECONDS = 20
DRAIN_SECONDS = 5
# Between the first byte of a connection and those of its first request.
ARRIVAL_SECONDS = 0.1
STOP = (signal.SIGTERM, signal.SIGINT)
# A supervisor that stops the whole process group sends the signal that the parent sends, too.
SAME_SIGNAL_SECONDS = 1

logger = logging.getLogger("uvicorn.error")


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; :: or 0.0.0.0 for all.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--uds", type=click.Path(dir_okay=False), help="Unix socket to listen on, instead of an address.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Number of processes.")
@click.option(
    "--drain-seconds",
    default=DRAIN_SECONDS,
    show_default=True,
    type=click.FloatRange(0),
    help="After SIGTERM, how long requests are still taken while /health/ready answers 503.",
)
def serve(host: str, port: int, uds: str | None, workers: int, drain_seconds: float) -> None:
    """Serve until SIGTERM.

    Then /health/ready answers 503 for the drain time, nothing new is accepted, requests that have begun are finished,
    and the exit status is 0. A second signal, at least a second later, ends the drain time.
    """
    # A wrong setting is refused here in one line, and not by each worker with a traceback.
    settings = read_settings()
    logs.configure(settings)
    config = configure(host, port, uds)
    if uds and UNIX not in settings.trusted_proxies:
        logger.warning("The network of every client is unknown: TRUSTED_PROXIES does not contain %s", UNIX)
    with listening(config, workers) as shared:
        serve_with(config, workers, shared, drain_seconds, is_measured=settings.metrics_token is not None)


def configure(host: str, port: int, uds: str | None) -> Config:
    """The configuration of uvicorn."""
    return Config(
        "app.asgi:app",
        http=LimitedProtocol,
        # No route is a WebSocket. With one of your own, leave this line out, and limit what such a connection may do.
        ws="none",
        host=host,
        port=port,
        uds=uds,
        # TRUSTED_PROXIES alone decides which headers about the client count.
        proxy_headers=False,
        server_header=False,
        # app.operations.logs decides what is logged, and how.
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )


def serve_with(config: Config, workers: int, shared: socket | None, drain_seconds: float, *, is_measured: bool) -> None:
    """Serve in this process or in several."""
    if workers == 1 or shared is None:
        run(config, [shared] if shared else None, drain_seconds)
        return
    with TemporaryDirectory() if is_measured else nullcontext() as folder:
        # Where the processes count together; it is read when the package is imported.
        os.environ |= {"PROMETHEUS_MULTIPROC_DIR": folder} if folder else {}
        sys.exit(run_several(config, workers, shared, drain_seconds))


def run(config: Config, sockets: list[socket] | None, drain_seconds: float) -> None:
    """Serve in this process."""
    # No object that is imported or built at the start is garbage, and looking for garbage takes a tenth of the start.
    gc.disable()
    for asked in STOP:
        signal.signal(asked, leave)
    if (parent := parent_process()) is not None:
        Thread(target=stop_after, args=(parent,), daemon=True).start()
    DrainingServer(config, drain_seconds).run(sockets)


def stop_after(parent: BaseProcess) -> None:
    """Stop this process when its parent has ended without stopping it.

    A parent that was killed cannot stop the others, and they would keep the port from the next one.
    """
    parent.join()
    signal.raise_signal(signal.SIGINT)


class DrainingServer(Server):
    """A server that is not ready for a while before it stops, so that load balancers send requests elsewhere."""

    def __init__(self, config: Config, drain_seconds: float) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._drains_since = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the name is uvicorn's
        """Have the loop handle the signal: here another one may arrive between any two instructions."""
        asyncio.get_running_loop().call_soon_threadsafe(self._handle, sig, clock.elapsed())

    def _handle(self, sig: int, since: float) -> None:
        """Drain after the first SIGTERM; any other signal stops the server."""
        if sig == signal.SIGTERM and DRAINING.is_set() and since < self._drains_since + SAME_SIGNAL_SECONDS:
            return
        if sig != signal.SIGTERM or not self.started or not self._drain_seconds or DRAINING.is_set():
            super().handle_exit(sig, None)
            return
        self._drains_since = since
        DRAINING.set()
        logger.info("Draining for %g seconds", self._drain_seconds)
        asyncio.get_running_loop().call_later(self._drain_seconds, super().handle_exit, sig, None)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Answer the connections that wait to be accepted, then stop as uvicorn does."""
        for connection in stop_listening(self.servers, sockets or []):
            await asyncio.get_running_loop().connect_accepted_socket(self._new_protocol, connection)
        # Until their requests are read; a connection without one is closed after that.
        await asyncio.sleep(ARRIVAL_SECONDS)
        await super().shutdown(sockets)

    def _new_protocol(self) -> asyncio.Protocol:
        return LimitedProtocol(self.config, self.server_state, self.lifespan.state)


def leave(_signal: int, _frame: FrameType | None) -> None:
    """End with status 0: uvicorn raises the signal once more when it has finished, which would be another status."""
    sys.exit(0)


def run_several(config: Config, workers: int, shared: socket, drain_seconds: float) -> int:
    """Serve on one port in several processes; returns the exit status.

    If one ends by itself, the others stop, so that a supervisor starts all again. After a signal, they go on draining.
    """
    start = get_context("spawn").Process
    processes = [start(target=run, args=(config, [shared], drain_seconds)) for _ in range(workers)]
    was_asked = False

    def stop(*_: object) -> None:
        nonlocal was_asked
        was_asked = True
        for process in processes:
            if process.pid:
                process.terminate()

    for asked in STOP:
        signal.signal(asked, stop)
    for process in processes:
        process.start()
    if was_asked:
        stop()
    # The processes alone hold it now. Otherwise connections would be accepted, and not answered, while they stop.
    shared.close()
    wait([process.sentinel for process in processes])
    if status := int(not was_asked):
        stop()
    for process in processes:
        process.join()
    return status


if __name__ == "__main__":
    serve()
