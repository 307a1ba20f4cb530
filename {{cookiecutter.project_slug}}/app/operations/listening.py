"""Where the service listens: an address and a port, or a Unix socket."""

import logging
import os
import socket
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager
from contextlib import suppress
from pathlib import Path

import click
from uvicorn import Config

# Every address of the machine, of both families.
ANY = "::"
# Those of uvicorn. The folder of the socket decides who reaches it.
SOCKET_MODE = 0o666
# As many as uvicorn lets wait.
MAX_WAITING = 2_048

logger = logging.getLogger("uvicorn.error")


@contextmanager
def listening(config: Config, workers: int) -> Iterator[socket.socket | None]:
    """The socket that the processes share; None if uvicorn opens one itself. The file of a Unix socket is removed.

    Raises:
        ClickException: if the address cannot be used.
    """
    if workers == 1 and config.host != ANY and not config.uds:
        yield None
        return
    try:
        found = _listen(config)
    except OSError as error:
        where = config.uds or f"{config.host}, port {config.port}"
        raise click.ClickException(f"Cannot listen on {where}: {os.strerror(error.errno or 0)}.") from error
    path = Path(config.uds) if config.uds else None
    own = path.stat().st_ino if path else None
    try:
        yield found
    finally:
        with suppress(FileNotFoundError):
            # The next process may already listen at the same path.
            if path and path.stat().st_ino == own:
                path.unlink()


def stop_listening(servers: list[Server], shared: list[socket.socket]) -> list[socket.socket]:
    """Close these, and return the connections that wait to be accepted: the kernel would reset them.

    For a reset a proxy answers 502, unless the request is one that it may repeat.
    """
    # A socket that is open twice listens until both are closed.
    listeners = [socket.socket(fileno=os.dup(each.fileno())) for server in servers for each in server.sockets]
    for server in servers:
        server.close()
    for each in shared:
        each.close()
    waiting = []
    for listener in listeners:
        listener.settimeout(0)
        with listener, suppress(BlockingIOError):
            # No longer than needed: others may go on connecting.
            for _ in range(MAX_WAITING):
                with suppress(ConnectionAbortedError):
                    waiting.append(listener.accept()[0])
    return waiting


def _listen(config: Config) -> socket.socket:
    if config.uds:
        return _listen_on_path(config.uds)
    if config.host == ANY:
        # uvicorn would listen on IPv6 alone.
        found = socket.create_server(
            (ANY, config.port), family=socket.AF_INET6, dualstack_ipv6=socket.has_dualstack_ipv6()
        )
        logger.info("Uvicorn running on http://[%s]:%d (Press CTRL+C to quit)", ANY, found.getsockname()[1])
        return found
    return config.bind_socket()


def _listen_on_path(path: str) -> socket.socket:
    if Path(path).is_socket():
        # A process that was killed has left it.
        Path(path).unlink()
    found = socket.socket(socket.AF_UNIX)
    try:
        found.bind(path)
        Path(path).chmod(SOCKET_MODE)
    except OSError:
        found.close()
        raise
    logger.info("Uvicorn running on unix socket %s (Press CTRL+C to quit)", path)
    return found
