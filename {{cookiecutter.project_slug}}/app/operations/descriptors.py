"""Notes in the log that the process has too few file descriptors; connections are then closed without an answer."""

import errno
import logging
import os

from litestar import Litestar

logger = logging.getLogger(__name__)

CHECK_EVERY_SECONDS = 1
# The process has as many as it may have, or the machine has.
USED_UP = {errno.EMFILE, errno.ENFILE}


async def note_descriptors(app: Litestar) -> float:
    """Log once when no file descriptor is left, and once when there are some again; returns the seconds until then.

    The event loop closes connections that it has no descriptor for, and says nothing.
    """
    was_used_up = app.state.get("descriptors_used_up", False)
    is_used_up = app.state.descriptors_used_up = not _can_open()
    if is_used_up and not was_used_up:
        logger.error("No file descriptor is left: connections are closed unanswered. Raise ulimit -n, or LimitNOFILE")
    if was_used_up and not is_used_up:
        logger.info("There are file descriptors again")
    return CHECK_EVERY_SECONDS


def _can_open() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        if error.errno not in USED_UP:
            raise
        return False
    return True
