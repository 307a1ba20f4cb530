"""How large the head of a request may be, and how long it may take: uvicorn waits for ever, and keeps it all."""

import asyncio
from asyncio import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Many cookies and a long address fit in; proxies allow half of it.
MOST_BYTES = 65_536
WITHIN_SECONDS = 30
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Bounded(HttpToolsProtocol):
    """A connection that is closed if the head of a request is too large or does not come to an end (ASVS 15.1.3).

    Bodies have limits of their own, in `bodies.py`; connections that wait for the next request, in `serve.py`.
    """

    _timer: TimerHandle | None = None
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Wait for the first request."""
        super().connection_made(transport)
        self._expect_a_head()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._expect_a_head()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._expect_nothing()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take some of it."""
        super().data_received(data)
        if self._timer is not None:
            self._received += len(data)
            if self._received > MOST_BYTES:
                self.transport.write(TOO_LARGE)
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget about it."""
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_a_head(self) -> None:
        if self._timer is None:
            self._received = 0
            self._timer = self.loop.call_later(WITHIN_SECONDS, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
