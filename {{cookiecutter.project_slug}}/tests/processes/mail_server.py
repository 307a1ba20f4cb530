"""A mail server of the tests, on a port that stays theirs."""

import asyncio
import socket
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ssl import SSLContext
from typing import Any

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope

from tests.cast import Outbox
from tests.processes.workers import until
from tests.tables import Tables


class Port:
    """A port that no other process gets. Connections are refused unless a test listens on it."""

    def __init__(self) -> None:
        self._socket = _bound_to(0)
        self.number: int = self._socket.getsockname()[1]

    @asynccontextmanager
    async def served_by(
        self, protocol: Callable[[], asyncio.Protocol], ssl: SSLContext | None = None
    ) -> AsyncIterator[None]:
        """While this is open, something listens."""
        server = await asyncio.get_running_loop().create_server(protocol, sock=self._socket, ssl=ssl)
        try:
            yield
        finally:
            server.close()
            self._socket = _bound_to(self.number)

    def close(self) -> None:
        """Give it back."""
        self._socket.close()


def _bound_to(port: int) -> socket.socket:
    bound = socket.socket()
    # Connections that have ended would keep the port from us for a minute otherwise.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


class MailServer(Outbox):
    """A mail server that keeps what it accepts; a test turns it on, slows it down, or has it refuse."""

    def __init__(self, port: Port) -> None:
        super().__init__()
        # What it says about these recipients.
        self.refusals: dict[str, str] = {}
        self.refuses_all = False
        self.seconds_for_each = 0.0
        self.most_at_once = 0
        self._at_once = 0
        self._port = port

    def listening(self) -> AbstractAsyncContextManager[None]:
        """While this is open, it is on."""
        return self._port.served_by(lambda: SMTP(self, hostname="localhost"))

    async def handle_RCPT(self, _server: Any, _client: Any, envelope: Envelope, to: str, _options: Any) -> str:  # noqa: N802  # aiosmtpd's name
        """Accept a recipient, or not."""
        if self.refuses_all:
            return "421 4.3.0 not now"
        if to in self.refusals:
            return self.refusals[to]
        envelope.rcpt_tos.append(to)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _client: Any, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's name
        """Accept a mail, after a while."""
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(self.seconds_for_each)
        self._at_once -= 1
        assert isinstance(envelope.content, bytes)
        # Lines end differently on the wire.
        message = message_from_bytes(envelope.content.replace(b"\r\n", b"\n"), policy=default)
        assert isinstance(message, EmailMessage)
        await self.send(message)
        return "250 OK"


async def all_mails_leave(tables: Tables) -> None:
    """Returns once no mail waits."""

    async def none_waits() -> bool:
        return not await tables.rows("outgoing_mail")

    await until(none_waits)
