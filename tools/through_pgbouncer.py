"""A pytest plugin: runs the tests of the service through PgBouncer in transaction mode (Debian's package)."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from time import monotonic
from time import sleep
from typing import Any

import pytest

CONFIGURATION = """
[databases]
* = host={folder} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 500
"""
PATIENCE_SECONDS = 10


@pytest.fixture(scope="session", autouse=True)
def _through_pgbouncer() -> Iterator[None]:
    """Give every test its database through PgBouncer."""
    postgres: Any = import_module("app.database.embedded_postgres")
    settings = import_module("app.settings").Settings
    settings.model_fields["database_pooler"].default = import_module("app.settings.types").Pooler.TRANSACTION
    settings.model_rebuild(force=True)
    direct = postgres.url
    with pgbouncer(Path(postgres.server().get_postmaster_info().socket_dir)) as port:
        # Databases are made and dropped on the server itself.
        postgres.url = lambda name=None: f"postgresql://postgres@127.0.0.1:{port}/{name}" if name else direct()
        yield
    postgres.url = direct


@contextmanager
def pgbouncer(folder: Path) -> Iterator[int]:
    """The port on which PgBouncer answers for the server with its socket in this folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as settings:
        Path(settings).chmod(0o755)
        file = Path(settings, "pgbouncer.ini")
        file.write_text(CONFIGURATION.format(folder=folder, port=port), "utf-8")
        # Only the user of the server may enter the folder, and PgBouncer does not run as root.
        user = ["--user", folder.owner()] if os.geteuid() == 0 else []
        process = subprocess.Popen(["pgbouncer", "--quiet", *user, file])  # noqa: S603, S607 - Debian's, our own file
        try:
            wait_for(port, process)
            yield port
        finally:
            process.terminate()
            process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once it answers."""
    until = monotonic() + PATIENCE_SECONDS
    while monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            sleep(0.05)
        else:
            return
    message = "PgBouncer did not start."
    raise RuntimeError(message)
