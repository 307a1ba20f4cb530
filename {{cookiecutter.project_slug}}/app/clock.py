"""The one clock of a process. It follows the database's, so instances agree whatever the clocks of their machines say.

Each new connection measures the database's time (`app/database/engine.py`), as does a background task once a minute.
Between two measurements the process counts the seconds itself; before the first, it uses the machine's clock. A process
has one clock: if several applications run in it, the clocks of their databases have to agree.
"""

import sys
import time
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from functools import partial
from typing import NamedTuple

# Moved by tests alone.
shift = timedelta()

# By how many seconds a measurement may be wrong after another second; clocks drift by a tenth of that.
DRIFT = 0.001

# Seconds that pass whatever happens to the machine's clock, on Linux also while the machine is suspended.
if sys.platform == "linux":
    elapsed = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
else:
    elapsed = time.monotonic


class Measurement(NamedTuple):
    """What is known of the time, all in seconds."""

    # The time of day, less what `elapsed()` said then.
    start: float
    # By how much that may be wrong, and since when it is known.
    error: float
    at: float


def machine_time() -> float:
    """What the machine's clock says, in seconds since 1970."""
    return time.time()


_known = Measurement(machine_time() - elapsed(), float("inf"), elapsed())
# What `now` said last. A measurement that sets the clock back by less than a second lets it stand still meanwhile: what
# was due must not be in the future again.
_said = 0.0


def now() -> datetime:
    """The current moment, in UTC."""
    global _said  # noqa: PLW0603  # as below
    moment = _known.start + elapsed()
    _said = max(moment, _said) if moment > _said - 1 else moment
    return datetime.fromtimestamp(_said, UTC) + shift


def follow(moment: datetime, asked_at: float, answered_at: float) -> None:
    """Take over the database's time, which was `moment` at some time between two readings of `elapsed()`.

    A slow answer says little about the time. It counts if it is as exact as what is known, whose error grows with its
    age, or if the two cannot both be true: the database has another clock after a failover.
    """
    global _known  # noqa: PLW0603  # a process has one clock
    error = (answered_at - asked_at) / 2
    start = moment.timestamp() - (asked_at + answered_at) / 2
    known_error = _known.error + (answered_at - _known.at) * DRIFT
    if error <= known_error or abs(start - _known.start) > error + known_error:
        _known = Measurement(start, error, answered_at)
