"""Metrics: only for callers with the token, and with everything that the alerts use."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from httpx import Response
from pydantic import SecretStr

from app.accounts.mail.dropped_mails import Reason
from app.asgi import create_app
from app.operations import optional_plugins
from app.settings import PROJECT_ROOT
from app.settings import Settings
from app.settings import SettingsError
from tests.cast import Clock
from tests.cast import Person
from tests.cast import Stage
from tests.other_services import DATABASE_AWAY
from tests.other_services import another_stage
from tests.tables import Tables

TOKEN = "a token of the tests that opens nothing else"
ALERTS = PROJECT_ROOT / "deploy/prometheus/alerts.yaml"


@pytest.fixture
async def measured(settings: Settings, tables: Tables) -> AsyncIterator[Stage]:  # noqa: ARG001  # empties them
    """A service that measures."""
    async with another_stage(settings, metrics_token=SecretStr(TOKEN)) as stage:
        yield stage


async def scrape(stage: Stage, token: str = TOKEN) -> Response:
    """Ask as Prometheus does."""
    return await stage.person("prometheus").client.get("/metrics", headers={"Authorization": f"Bearer {token}"})


async def value(stage: Stage, metric: str) -> float:
    """What is shown of a metric; 0 if it is not there yet."""
    found = re.search(rf"^{re.escape(metric)} (\S+)$", (await scrape(stage)).text, re.MULTILINE)
    return float(found[1]) if found else 0


@pytest.mark.parametrize("token", ["", "another", f"{TOKEN}!", TOKEN[:-1], "é"])
async def test_metrics_need_the_token(measured: Stage, token: str) -> None:
    assert (await scrape(measured)).status_code == 200
    headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
    answer = await measured.person("mallory").client.get("/metrics", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["type"] == "/problems/not-authenticated"
    assert "python_info" not in answer.text


async def test_there_are_no_metrics_unless_they_are_on(visitor: Person) -> None:
    assert (await visitor.get("/metrics")).status_code == 404


async def test_what_is_asked_for_and_not_installed_is_said(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_plugins, "find_spec", lambda _: None)
    changes: dict[str, Any] = {"metrics_token": SecretStr(TOKEN)}
    for name, group in (("METRICS_TOKEN", "metrics"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces")):
        with pytest.raises(SettingsError, match=f"^{name} needs .* uv sync --no-dev --group {group}$"):
            create_app(settings.model_copy(update=changes))
        changes = {"otel_exporter_otlp_endpoint": "http://localhost:1"}


async def test_requests_are_counted_by_route_and_status(measured: Stage) -> None:
    metric = 'litestar_requests_total{app_name="app",method="GET",path="%s",status_code="%d"}'
    before = await value(measured, metric % ("/users/me/sessions", 401))
    await measured.person("visitor").get("/users/me/sessions?page=1")
    assert await value(measured, metric % ("/users/me/sessions", 401)) == before + 1
    assert "/health" not in (await scrape(measured)).text


async def test_what_happens_to_accounts_is_counted(measured: Stage) -> None:
    grace = await measured.verified("grace")
    succeeded, failed = 'account_events_total{kind="sign-in.succeeded"}', 'account_events_total{kind="sign-in.failed"}'
    before = await value(measured, succeeded), await value(measured, failed)
    await grace.sign_in()
    await grace.post("/login", email=grace.email, password="wrong")
    assert (await value(measured, succeeded), await value(measured, failed)) == (before[0] + 1, before[1] + 1)


async def test_mails_that_do_not_leave_are_seen(measured: Stage, clock: Clock, tables: Tables) -> None:
    assert await value(measured, "outgoing_mails_waiting") == 0
    assert await value(measured, "outgoing_mail_age_seconds") == 0
    measured.delivers = False
    await measured.person("grace").register()
    clock.advance(timedelta(minutes=10))
    assert await value(measured, "outgoing_mails_waiting") == 1
    assert 600 <= await value(measured, "outgoing_mail_age_seconds") < 660
    await tables.execute("UPDATE outgoing_mail SET last_error = 'recipient: mailbox full'")
    assert await value(measured, "outgoing_mails_waiting") == 1
    assert await value(measured, "outgoing_mail_age_seconds") == 0, "no fault of the service"
    await tables.execute("UPDATE outgoing_mail SET next_attempt_at = NULL")
    assert await value(measured, "outgoing_mails_waiting") == 0
    assert await value(measured, "outgoing_mails_given_up") == 1


@pytest.mark.checklist("D13")
async def test_mails_that_are_dropped_are_counted_by_reason(measured: Stage) -> None:
    metric = 'outgoing_mails_dropped_total{reason="%s"}'
    shown = (await scrape(measured)).text
    assert all(metric % reason in shown for reason in Reason)
    before = await value(measured, metric % Reason.NO_ACCOUNT)
    await measured.person("nobody").post("/forgot-password", email="nobody@example.com")
    assert await value(measured, metric % Reason.NO_ACCOUNT) == before + 1


async def test_the_rest_is_shown_while_the_database_is_away(settings: Settings) -> None:
    async with another_stage(settings, metrics_token=SecretStr(TOKEN), **DATABASE_AWAY) as stage:
        shown = (await scrape(stage)).text
    assert re.search(r"^outgoing_mails_waiting NaN$", shown, re.MULTILINE)
    assert "litestar_requests_total" in shown


def alerts(file: Path) -> list[dict[str, Any]]:
    """The rules of a file for Prometheus."""
    [group] = yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


@pytest.mark.parametrize("rule", alerts(ALERTS), ids=lambda rule: str(rule["alert"]))
async def test_alerts_ask_for_what_is_there(measured: Stage, rule: dict[str, Any]) -> None:
    grace = await measured.verified("grace")
    await grace.sign_in()
    await grace.post("/login", email=grace.email, password="wrong")
    shown = (await scrape(measured)).text
    asked = set(re.findall(r"\b(?:litestar|account|outgoing)_\w+", rule["expr"]))
    assert asked
    assert {metric for metric in asked if not re.search(rf"^{metric}\W", shown, re.MULTILINE)} == set()
    assert rule["annotations"]["summary"]
