"""The one clock: the service asks `clock.now()`, so a test can move time instead of waiting for it."""

from datetime import UTC
from datetime import datetime


def now() -> datetime:
    """The current moment, in UTC."""
    return datetime.now(UTC)
