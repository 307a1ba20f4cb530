"""The port that this process was told to listen on; links in development lead there."""

import os
import sys
from collections.abc import Mapping
from collections.abc import Sequence
from itertools import pairwise

# Of `litestar run`, uvicorn and `app.operations.serve`.
OPTIONS = {"--port", "-p"}
DEFAULT = 8000
# Only `litestar` reads it.
VARIABLE = "LITESTAR_PORT"


def own_port(arguments: Sequence[str] | None = None, environment: Mapping[str, str | None] | None = None) -> int:
    """The port on the command line, or that of the environment, or the default of every server."""
    arguments = sys.argv if arguments is None else arguments
    environment = os.environ if environment is None else environment
    words = [word for argument in arguments for word in argument.split("=", 1)]
    given = [value for name, value in pairwise(words) if name in OPTIONS]
    if not given and "litestar" in arguments[0]:
        given = [environment.get(VARIABLE) or ""]
    port = given[-1] if given else ""
    # With port 0 the system picks one, which is not known yet.
    return int(port) if port.isascii() and port.isdecimal() and int(port) else DEFAULT
