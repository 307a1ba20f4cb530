"""Traces: a span for each request and each statement, and no secret in any."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.operations import logs
from app.operations import traces
from app.settings import PROJECT_NAME
from app.settings import Settings
from tests.cast import PASSWORD
from tests.cast import Stage
from tests.other_services import another_stage
from tests.other_services import service_with
from tests.tables import Tables

CANARY = "canary-7f3c"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch, tables: Tables) -> InMemorySpanExporter:  # noqa: ARG001  # empties them
    """What is sent, which stays here."""
    exporter = InMemorySpanExporter()
    # A service that was made before has the exporter of then.
    service_with.cache_clear()
    monkeypatch.setattr(traces, "OTLPSpanExporter", lambda *_, **_options: exporter)
    return exporter


@asynccontextmanager
async def traced(settings: Settings) -> AsyncIterator[Stage]:
    """A service that traces; everything is sent once it has ended."""
    try:
        async with another_stage(settings, otel_exporter_otlp_endpoint="http://collector:4318") as stage:
            yield stage
    finally:
        logs.ALSO_KNOWN.clear()


def shown(span: ReadableSpan) -> dict[str, Any]:
    """What a span says."""
    return dict(span.attributes or {})


async def test_a_request_and_its_statements_are_one_trace(settings: Settings, spans: InMemorySpanExporter) -> None:
    async with traced(settings) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        assert (await grace.get("/users/me")).is_success
        await grace.get("/health")
    *_, last = (span for span in spans.get_finished_spans() if span.name.startswith(("GET", "POST")))
    assert last.name == "GET /users/me"
    assert shown(last)["http.route"] == "/users/me"
    assert last.resource.attributes["service.name"] == PROJECT_NAME
    assert last.context is not None
    within = [span for span in spans.get_finished_spans() if span.context.trace_id == last.context.trace_id]
    assert any("user_session" in str(shown(span).get("db.statement")) for span in within), within


async def test_a_head_request_is_named_by_its_route(settings: Settings, spans: InMemorySpanExporter) -> None:
    async with traced(settings) as stage:
        await stage.person("visitor").client.head("/users/me")
    [span] = [span for span in spans.get_finished_spans() if span.parent is None]
    assert (span.name, shown(span)["http.route"]) == ("HEAD /users/me", "/users/me")


@pytest.mark.checklist("A06", "C06")
async def test_no_span_holds_a_secret(settings: Settings, spans: InMemorySpanExporter) -> None:
    async with traced(settings) as stage:
        grace = await stage.verified("grace")
        await grace.sign_in()
        await grace.get(f"/verify?token={CANARY}")
        await grace.post("/register", email="new@example.com", password=f"a {CANARY} sings in the mine")
        await grace.post("/forgot-password", email=grace.email)
        secrets = [value for value in grace.client.cookies.values() if value] + [stage.outbox.token_for(grace)]
    everything = "".join(span.to_json() for span in spans.get_finished_spans())
    assert "/verify" in everything
    for secret in (CANARY, PASSWORD, "grace@example.com", *secrets):
        assert secret not in everything


async def test_lines_name_their_trace(
    settings: Settings, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "app.requests"):
        async with traced(settings) as stage:
            await stage.person("visitor").get("/users/me")
    [line] = [record for record in caplog.records if record.name == "app.requests"]
    [span] = [span for span in spans.get_finished_spans() if span.name == "GET /users/me"]
    assert span.context is not None
    assert vars(line)["trace_id"] == f"{span.context.trace_id:032x}"
