"""Metrics for Prometheus at `GET /metrics`, with `METRICS_TOKEN`; without it, this module is not imported."""

import hmac
import math
import os
from functools import cache
from typing import Any

from litestar import Request
from litestar import Response
from litestar import get
from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.plugins import InitPlugin
from litestar.plugins.prometheus import PrometheusConfig
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client import REGISTRY
from prometheus_client import CollectorRegistry
from prometheus_client import Counter
from prometheus_client import Gauge
from prometheus_client import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from sqlalchemy import event
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.accounts.mail import dropped_mails
from app.accounts.mail.dropped_mails import ABOUT_RECIPIENT
from app.accounts.mail.dropped_mails import Reason
from app.database.transactions import new_transaction
from app.models import AuditEvent
from app.models import OutgoingMail
from app.operations.logs import PROBES
from app.settings import Settings

# Also those of a transaction that is rolled back later.
EVENTS = Counter("account_events", "Audit events that this service has written since it started.", ["kind"])
# Any process reads the table for all of them.
WAITING = Gauge("outgoing_mails_waiting", "Mails that wait to be sent.", multiprocess_mode="mostrecent")
OLDEST = Gauge(
    "outgoing_mail_age_seconds",
    "How long the oldest of them has waited, without those whose recipient the mail server refuses.",
    multiprocess_mode="mostrecent",
)
DROPPED = Counter("outgoing_mails_dropped", "Mails that were not sent, since this service started.", ["reason"])
GIVEN_UP = Gauge("outgoing_mails_given_up", "Mails that no server has accepted.", multiprocess_mode="mostrecent")


def require_token(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """A guard that requires `METRICS_TOKEN`.

    Raises:
        NotAuthorizedException: if the request does not have it.
    """
    settings: Settings = connection.app.state.settings
    assert settings.metrics_token is not None
    expected = f"Bearer {settings.metrics_token.get_secret_value()}"
    if not hmac.compare_digest(connection.headers.get("Authorization", "").encode(), expected.encode()):
        raise NotAuthorizedException


@get("/metrics", guards=[require_token], exclude_from_auth=True, include_in_schema=False)
async def show_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """All metrics of all processes that `app.operations.serve` has started."""
    await _measure_outbox(request)
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # it has no types
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


async def _measure_outbox(request: Request[Any, Any, Any]) -> None:
    waits = OutgoingMail.next_attempt_at.is_not(None)
    is_held_up = waits & ~OutgoingMail.last_error.startswith(ABOUT_RECIPIENT)
    oldest = func.min(OutgoingMail.created_at).filter(is_held_up)
    measured = select(func.count().filter(waits), oldest, func.count().filter(~waits))
    try:
        async with new_transaction(request.app) as session:
            waiting, since, given_up = (await session.execute(measured)).one()
        age = (clock.now() - since).total_seconds() if since else 0
    except (SQLAlchemyError, OSError):
        # The other metrics matter most while the database is away.
        waiting = age = given_up = math.nan
    WAITING.set(waiting)
    OLDEST.set(age)
    GIVEN_UP.set(given_up)


class Metrics(InitPlugin):
    """Measures every request and what happens to accounts."""

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Add the middleware and the route."""
        requests = PrometheusConfig(app_name="app", group_path=True, exclude=[f"^{path}$" for path in PROBES])
        app_config.middleware.insert(0, requests.middleware)
        app_config.route_handlers.append(show_metrics)
        _count_events()
        _count_dropped_mails()
        return app_config


@cache
def _count_events() -> None:
    @event.listens_for(AuditEvent, "after_insert")
    def count(_mapper: Any, _connection: Any, entry: AuditEvent) -> None:
        EVENTS.labels(entry.kind).inc()


@cache
def _count_dropped_mails() -> None:
    # All counters exist from the start, so that the first mail of a kind shows as an increase.
    counters = {reason: DROPPED.labels(reason) for reason in Reason}
    dropped_mails.COUNTERS.add(lambda reason: counters[reason].inc())
