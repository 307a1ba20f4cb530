"""`python -m app.operations.serve`: the service as production runs it; `litestar run` is for the desk."""

import gc
import os
import signal
import sys
from contextlib import nullcontext
from multiprocessing import get_context
from multiprocessing.connection import wait
from socket import socket
from tempfile import TemporaryDirectory
from types import FrameType

import click
from uvicorn import Config
from uvicorn import Server

from app.http.head_limits import LimitedProtocol
from app.operations import logs
from app.settings import read_settings

# Longer than proxies keep an idle connection open, or they would send a request into one that is just being closed.
KEEP_ALIVE_SECONDS = 75
# What has begun may finish for so long; whoever operates the process waits longer before it kills (Kubernetes: 30).
FINISH_SECONDS = 20
STOP = (signal.SIGTERM, signal.SIGINT)


@click.command
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; 0.0.0.0 is everywhere.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="On which port.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="In how many processes.")
def serve(host: str, port: int, workers: int) -> None:
    """Serve until SIGTERM: then nothing new is accepted, what has begun is finished, and the exit status is 0."""
    # A wrong setting is refused here in a line, and not by each worker with a traceback.
    settings = read_settings()
    logs.configure(settings)
    config = Config(
        "app.asgi:app",
        http=LimitedProtocol,
        # No route is a WebSocket. With one of your own, leave this line out, and limit what such a connection may do.
        ws="none",
        host=host,
        port=port,
        # Whom to believe about the caller is TRUSTED_PROXIES' to say alone.
        proxy_headers=False,
        server_header=False,
        # What is logged, and how, is ours to say.
        log_config=None,
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    if workers == 1:
        run(config)
    else:
        with TemporaryDirectory() if settings.metrics_token else nullcontext() as folder:
            # Where they count together; it is read when the package is imported.
            os.environ |= {"PROMETHEUS_MULTIPROC_DIR": folder} if folder else {}
            sys.exit(run_several(config, workers))


def run(config: Config, listening: list[socket] | None = None) -> None:
    """Serve in this process."""
    # Nothing of what is imported and built is garbage, and looking for it is a tenth of the start.
    gc.disable()
    for asked in STOP:
        signal.signal(asked, leave)
    Server(config).run(listening)


def leave(_signal: int, _frame: FrameType | None) -> None:
    """End as planned: uvicorn raises the signal once more when all is finished, which would end in another status."""
    sys.exit(0)


def run_several(config: Config, workers: int) -> int:
    """Serve on one port in several processes; returns the exit status.

    When one of them ends by itself, the others are stopped, too: whoever operates this starts it again.
    """
    listening = config.bind_socket()
    processes = [get_context("spawn").Process(target=run, args=(config, [listening])) for _ in range(workers)]
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
    # Theirs alone from now on, or who connects while they stop would wait for an answer that nobody gives.
    listening.close()
    wait([process.sentinel for process in processes])
    status = 0 if was_asked else 1
    stop()
    for process in processes:
        process.join()
    return status


if __name__ == "__main__":
    serve()
