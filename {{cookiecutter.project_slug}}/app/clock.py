"""The clock of a process. It follows the database's clock, so that instances on machines with different clocks agree.

Each new connection measures the database's time (`app/database/engine.py`), as does a background task once a minute.
Between two measurements the process counts the seconds itself; before the first, it uses the machine's clock. A process
has one clock: if several applications run in it, the clocks of their databases must agree.
"""

import sys
import time
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import partial
from typing import NamedTuple

# Only tests change it.
shift = timedelta()

# By how many seconds a measurement may be wrong after another second; clocks drift by a tenth of that.
DRIFT = 0.001

# Seconds that do not depend on the machine's clock; on Linux they also pass while the machine is suspended.
if sys.platform == "linux":
    elapsed = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
else:
    elapsed = time.monotonic


class Measurement(NamedTuple):
    """A measurement of the time, all in seconds."""

    # The time of day minus `elapsed()` at that moment.
    start: float
    # The possible error of `start`, and `elapsed()` when it was measured.
    error: float
    at: float


def machine_time() -> float:
    """The time of the machine's clock, in seconds since 1970."""
    return time.time()


_known = Measurement(machine_time() - elapsed(), float("inf"), elapsed())
# The last result of `now`. If a measurement sets the clock back by less than a second, the clock stands still until it
# has caught up, so that nothing that was due is in the future again.
_said = 0.0


def now() -> datetime:
    """The current moment, in UTC."""
    global _said  # noqa: PLW0603  # as below
    moment = _known.start + elapsed()
    _said = max(moment, _said) if moment > _said - 1 else moment
    return datetime.fromtimestamp(_said, UTC) + shift


def follow(moment: datetime, asked_at: float, answered_at: float) -> None:
    """Set the clock by the database's time, which was `moment` at some point between two readings of `elapsed()`.

    A slow answer is inexact. It is used if it is at least as exact as the last measurement, whose error grows with its
    age, or if the two contradict each other: after a failover, the database has another clock.
    """
    global _known  # noqa: PLW0603  # a process has one clock
    error = (answered_at - asked_at) / 2
    start = moment.timestamp() - (asked_at + answered_at) / 2
    known_error = _known.error + (answered_at - _known.at) * DRIFT
    if error <= known_error or abs(start - _known.start) > error + known_error:
        _known = Measurement(start, error, answered_at)
