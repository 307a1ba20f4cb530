"""`python -m app.operations.serve` on a machine whose clock is wrong by as many seconds as WRONG_BY_SECONDS says."""

import os
import time
from importlib import reload

from app import clock
from app.operations.serve import serve

right, wrong_by = time.time, float(os.environ["WRONG_BY_SECONDS"])
# At the top, since processes that it spawns import this, too.
time.time = lambda: right() + wrong_by
# It has read the time already.
reload(clock)

if __name__ == "__main__":
    serve()
