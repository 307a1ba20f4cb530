"""Traces for OpenTelemetry, sent to `OTEL_EXPORTER_OTLP_ENDPOINT`; without it, this module is not imported."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin
from litestar.plugins.opentelemetry import OpenTelemetryConfig
from litestar.types import Message
from litestar.types import Scope
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span
from opentelemetry.trace import format_trace_id
from opentelemetry.trace import get_current_span

from app.database.sessions import engine_of
from app.operations import logs
from app.settings import PROJECT_NAME

EXPORT_SECONDS = 5
# Attributes that may hold the token of a link, in both naming conventions for HTTP.
QUERIES = {"url.query", "http.target", "http.url", "url.full"}


class Traces(InitPlugin):
    """A span for each request and each statement, with the text of the statement and without its values."""

    def __init__(self, endpoint: str) -> None:
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: PROJECT_NAME}))
        self._exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=EXPORT_SECONDS)

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Trace around everything else."""
        requests = OpenTelemetryConfig(
            tracer_provider=self._provider,
            scope_span_details_extractor=_not_yet_routed,
            server_request_hook_handler=_without_query,
            exclude=[f"^{path}$" for path in logs.PROBES],
            exclude_spans=["receive", "send"],
        )
        app_config.middleware.insert(0, requests.middleware)
        app_config.before_send.append(_name_by_route)
        app_config.lifespan.append(self._sending)
        logs.ALSO_KNOWN.add(_ids)
        return app_config

    @asynccontextmanager
    async def _sending(self, app: Litestar) -> AsyncIterator[None]:
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        statements = SQLAlchemyInstrumentor()
        statements.instrument(engine=engine_of(app).sync_engine, tracer_provider=self._provider)
        try:
            yield
        finally:
            statements.uninstrument()
            # It sends the rest, and may wait for the collector.
            await asyncio.to_thread(self._provider.shutdown)


def _not_yet_routed(scope: Scope) -> tuple[str, dict[str, Any]]:
    return str(scope.get("method")), {}


async def _name_by_route(_message: Message, scope: Scope) -> None:
    # By the pattern of the route: there are as many paths as users.
    if route := scope.get("path_template"):
        span = get_current_span()
        span.update_name(f"{scope.get('method')} {route}")
        span.set_attribute("http.route", route)


def _without_query(span: Span, scope: dict[str, Any]) -> None:
    shown = (span.attributes or {}) if isinstance(span, ReadableSpan) else {}
    for name in QUERIES & shown.keys():
        span.set_attribute(name, scope["path"])


def _ids() -> dict[str, str]:
    context = get_current_span().get_span_context()
    return {"trace_id": format_trace_id(context.trace_id)} if context.is_valid else {}
