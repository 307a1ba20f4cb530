"""Limits on the size of heads and on how long a connection may wait; uvicorn sets none (ASVS 15.1.3)."""

import asyncio
from asyncio import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.draining import DRAINING
from app.http.transports import ClosingTransport

# Room for many cookies; proxies allow half of it.
MAX_HEAD_BYTES = 65_536
# The limit of common proxies. Litestar keeps the last 1,024 paths and queries in memory.
MAX_URL_BYTES = 8_192
MAX_PARAMETERS = 100
# From the first to the last byte of a head.
HEAD_SECONDS = 30
# How far the requests after the present one are read ahead.
PIECE_BYTES = 1_024

URL_TOO_LONG = b"414 URI Too Long"
HEAD_TOO_LARGE = b"431 Request Header Fields Too Large"


class LimitedProtocol(HttpToolsProtocol):
    """A connection that has a deadline while no request is being answered and while its client does not read.

    While a request is being answered, other modules set the limits: `request_limits.py` for bodies, `engine.py` for
    statements. Between two requests a connection may be idle for as long as `serve.py` allows.
    """

    _head_timer: TimerHandle | None = None
    _unparsed = b""
    _reads_head = False
    # Since the head began or the body last grew: a body may have extensions and trailers without end.
    _bytes_read = 0
    # Whether the connection stays open after this request, if its body is complete by the time of the answer.
    _is_kept = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Wait for the first request."""
        self._transport = ClosingTransport(transport, self.loop)
        super().connection_made(self._transport)  # type: ignore[arg-type]  # it passes on all other attributes
        self._wait_for_head()
        if self.client is None and self.server is not None and self.server[1] is not None:
            # The client has reset this TCP connection already. Its requests would seem to come from a Unix socket.
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Parse what has arrived."""
        self._unparsed += data
        self._parse()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._reads_head = self._transport.is_midway = True
        self._bytes_read = 0

    def on_url(self, url: bytes) -> None:
        """A part of the URL has arrived."""
        super().on_url(url)
        if len(self.url) > MAX_URL_BYTES or self.url.count(b"&") >= MAX_PARAMETERS:
            self._refuse(URL_TOO_LONG)
            raise ValueError("An error stops the parser.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header has arrived; those after a body are dropped, since proxies check only those before it."""
        if self._reads_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Answer the request. Unless its body is complete by then, the answer says that the connection closes."""
        former = self.cycle
        super().on_headers_complete()
        self._reads_head = False
        if self.cycle is not former:
            # The next request of this connection could arrive just when the process stops.
            self._is_kept, self.cycle.keep_alive = self.cycle.keep_alive and not DRAINING.is_set(), False

    def on_body(self, body: bytes) -> None:
        """A part of the body has arrived."""
        super().on_body(body)
        self._bytes_read = 0

    def on_message_complete(self) -> None:
        """The body is complete; after a request to change the protocol the parser cannot tell."""
        super().on_message_complete()
        if self.cycle is not None and not self.cycle.response_started and not self.parser.should_upgrade():
            self._transport.is_midway, self.cycle.keep_alive = False, self._is_kept

    def on_response_complete(self) -> None:
        """Parse what has arrived meanwhile."""
        super().on_response_complete()
        if self.pipeline:
            self.flow.pause_reading()
        else:
            self._parse()

    def pause_writing(self) -> None:
        """The client reads slowly or not at all."""
        super().pause_writing()
        self._transport.watch()

    def resume_writing(self) -> None:
        """The client has read most of it."""
        super().resume_writing()
        if not self._transport.is_closing():
            self._transport.unwatch()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: the request is answered without the upgrade, and callers could fill the log with warnings."""

    def shutdown(self) -> None:
        """Close after the answer."""
        self._is_kept = False
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines."""
        super().connection_lost(exc)
        self._stop_waiting()
        self._transport.unwatch()

    def _refuse(self, status: bytes) -> None:
        self._transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
        self._transport.close()

    def _parse(self) -> None:
        # In pieces: what arrives at once may hold thousands of requests, and each is prepared as soon as it is parsed.
        data, position = memoryview(self._unparsed), 0
        while position < len(data) and not self.pipeline and self._reads():
            piece = data[position : position + PIECE_BYTES]
            position += len(piece)
            super().data_received(piece)  # type: ignore[arg-type]  # as good as bytes to the parser
            self._bytes_read += len(piece)
            if self._bytes_read > MAX_HEAD_BYTES:
                self._refuse(HEAD_TOO_LARGE)
        self._unparsed = bytes(data[position:]) if self._reads() else b""
        if self._unparsed:
            # uvicorn has paused too, but resumes when the handler waits for its client to leave.
            self.flow.pause_reading()
        if self._is_answering() or not self._reads():
            self._stop_waiting()
        elif position or self._transport.is_midway:
            # uvicorn's own deadline ends with any byte, so this one stays.
            self._wait_for_head()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _reads(self) -> bool:
        return not self._transport.is_closing() and not self.parser.should_upgrade()

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
