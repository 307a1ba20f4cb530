"""The one clock: the service asks `clock.now()`, so a test can move time instead of waiting for it."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

# Moved by tests and by nothing else.
shift = timedelta()


def now() -> datetime:
    """The current moment, in UTC."""
    return datetime.now(UTC) + shift
