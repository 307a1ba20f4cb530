"""How a connection ends: in time, and not before its client could read the answer."""

import asyncio
from asyncio import TimerHandle
from typing import Any

# A client that has to be waited for reads at least so much of its answer in so long.
ANSWER_BYTES = 16_384
ANSWER_SECONDS = 30
# For a client that was answered while it was still sending.
LINGER_SECONDS = 5


class ClosingTransport:
    """A transport that has a deadline once it is closed, and whenever its client does not read."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._timer: TimerHandle | None = None
        self._has_closed = False
        # Whether more of a request may follow.
        self.is_midway = False

    def __getattr__(self, name: str) -> Any:
        """Whatever else a transport has."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send this, unless the connection is closing."""
        if not self.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether nothing is sent or read any more, but for what was written before."""
        return self._has_closed or self._transport.is_closing()

    def close(self) -> None:
        """Send what was written, then close."""
        if self.is_closing():
            return
        self._has_closed = True
        self._judge_after(ANSWER_SECONDS if self._transport.get_write_buffer_size() else LINGER_SECONDS)
        if self.is_midway and self._transport.can_write_eof():
            # To close while the client sends would reset the connection, and the answer would be lost (RFC 9112, 9.6).
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()

    def watch(self) -> None:
        """End the connection unless the client reads on."""
        self._judge_after(ANSWER_SECONDS)

    def unwatch(self) -> None:
        """Wait no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _judge_after(self, seconds: float) -> None:
        self.unwatch()
        self._timer = self._loop.call_later(seconds, self._judge, self._transport.get_write_buffer_size())

    def _judge(self, unread_before: int) -> None:
        if unread_before - self._transport.get_write_buffer_size() < ANSWER_BYTES:
            self._transport.abort()
        else:
            self.watch()
