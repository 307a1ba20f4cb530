"""Closes connections in time, but not before the client could read the answer."""

import asyncio
from asyncio import TimerHandle
from typing import Any

# A slow client must read at least this many bytes of its answer in this time.
ANSWER_BYTES = 16_384
ANSWER_SECONDS = 30
# How long a client may go on sending after it was answered.
LINGER_SECONDS = 5


class ClosingTransport:
    """A transport with a deadline once it is closed, and whenever its client does not read."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._timer: TimerHandle | None = None
        self._has_closed = False
        # Whether more of a request may follow.
        self.is_midway = False

    def __getattr__(self, name: str) -> Any:
        """All other attributes of the transport."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send this, unless the connection is closing."""
        if not self.is_closing():
            self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether the connection closes once everything written so far is sent."""
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
        """Close the connection unless the client continues to read."""
        self._judge_after(ANSWER_SECONDS)

    def unwatch(self) -> None:
        """Cancel the deadline."""
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
