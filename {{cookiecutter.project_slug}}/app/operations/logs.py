"""Log lines: JSON in production, readable elsewhere; each names its request and its user, and shows no secret."""

import logging
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request
from litestar.types import Message
from litestar.types import Scope
from structlog.processors import JSONRenderer
from structlog.stdlib import ProcessorFormatter
from structlog.typing import EventDict
from structlog.typing import Processor
from structlog.typing import WrappedLogger

from app.http.current_request import CurrentRequest
from app.http.current_request import current_request
from app.settings import Environment
from app.settings import Settings
from app.settings.types import Switch

# uvicorn has handlers of its own, and a line for each request that shows its query.
TAKEN_OVER = ("uvicorn", "uvicorn.error", "uvicorn.access")
# Requested every few seconds by monitoring.
PROBES = {"/health", "/health/ready", "/metrics"}

# Further fields that identify the request of a line.
ALSO_KNOWN: set[Callable[[], dict[str, str]]] = set()

logger = logging.getLogger("app.requests")


def configure(settings: Settings) -> None:
    """Print everything that the service and its libraries log to standard error, in one form."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(settings))
    # Libraries log from WARNING on: their other lines show URLs with their queries.
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("app", *TAKEN_OVER):
        taken = logging.getLogger(name)
        taken.setLevel(logging.INFO)
        taken.handlers.clear()
        taken.propagate = name != "uvicorn.access"
    logger.disabled = settings.access_log is Switch.OFF


def formatter(settings: Settings) -> ProcessorFormatter:
    """The form of log lines."""
    known: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _whose,
    ]
    return ProcessorFormatter(
        foreign_pre_chain=known,
        processors=[ProcessorFormatter.remove_processors_meta, *_rendered(settings)],
    )


def _rendered(settings: Settings) -> list[Processor]:
    # Tracebacks do not show the values of variables, such as passwords (ASVS 16.2.5).
    if settings.environment is Environment.PRODUCTION:
        return [structlog.processors.format_exc_info, JSONRenderer()]
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def _whose(_logger: WrappedLogger, _name: str, line: EventDict) -> EventDict:
    # uvicorn adds a coloured copy of its message.
    line.pop("color_message", None)
    for name, value in _names(current_request()).items():
        line.setdefault(name, value)
    return line


def _names(caller: CurrentRequest) -> dict[str, str]:
    named = {"request_id": caller.request_id, "user_id": str(caller.user_id or "")}
    for more in ALSO_KNOWN:
        named |= more()
    return {name: value for name, value in named.items() if value}


async def log_answer(message: Message, scope: Scope) -> None:
    """A hook that logs each response, without the query, where links in mails have their tokens."""
    if message["type"] != "http.response.start" or not logger.isEnabledFor(logging.INFO):
        return
    status = int(message["status"])
    if scope["path"] in PROBES and status < 500:
        return
    request: Request[Any, Any, Any] = Request(scope)
    caller = current_request()
    shown = {"status": status, "milliseconds": round((monotonic() - caller.began) * 1000, 1), "ip": caller.ip}
    logger.info("%s %s", request.method, quote(scope["path"]), extra=shown | _names(caller))
