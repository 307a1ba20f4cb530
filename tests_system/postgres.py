"""PostgreSQL from Debian as a cluster of its own in a temporary folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.server import free_port

VERSIONS = Path("/usr/lib/postgresql")
USER = "postgres"


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a superuser, without a database, until the block ends."""
    # The newest that is installed.
    programs = max(VERSIONS.iterdir(), key=lambda folder: int(folder.name)) / "bin"
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
        run(programs / "initdb", "--pgdata", data, "--username", USER, "--auth", "trust")
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
        run(programs / "pg_ctl", "--pgdata", data, "--wait", "--log", f"{folder}/log", "--options", options, "start")
        try:
            yield f"postgresql://{USER}@127.0.0.1:{port}"
        finally:
            run(programs / "pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")


def run(*command: str | Path) -> None:
    """Run a program of the server, which refuses to run as root."""
    user = USER if os.geteuid() == 0 else None
    subprocess.run(command, user=user, cwd="/", stdout=subprocess.DEVNULL, check=True)


def psql(url: str, *statements: str) -> str:
    """What the statements show; the first that fails is the last."""
    commands = [part for statement in statements for part in ("--command", statement)]
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
    asked = subprocess.run(["psql", *options, *commands, "--dbname", url], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr
    return asked.stdout.strip()
