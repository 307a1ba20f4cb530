"""In development, links in mails lead to the port that the service listens on; the log says where they lead."""

import logging
import sys

import pytest

from app.operations.link_address import log_address
from app.operations.link_address import logging_link_address
from app.settings import Environment
from app.settings import Settings
from app.settings import read_settings
from app.settings.own_port import own_port
from tests.other_services import service_with
from tests.test_settings import SECRET

pytestmark = pytest.mark.usefixtures("project_root")
DEVELOPMENT = {"ENVIRONMENT": "development", "SECRET_KEY": SECRET}


@pytest.mark.parametrize(
    ("command", "variable", "port"),
    [
        ("litestar run", "", 8000),
        ("litestar run --port 8001", "", 8001),
        ("litestar run --reload -p 8001", "", 8001),
        ("litestar run --port=8001", "8002", 8001),
        ("litestar run", "8002", 8002),
        ("litestar run", "port", 8000),
        ("/project/.venv/lib/uvicorn/__main__.py app.asgi:app --port=8001", "", 8001),
        ("/project/app/operations/serve.py --host :: --port 8001 --workers 2", "", 8001),
        ("/project/app/operations/serve.py", "8002", 8000),
        ("/project/app/operations/serve.py --port 0", "", 8000),
        ("pytest -p in_place", "", 8000),
        ("", "", 8000),
    ],
)
def test_links_lead_to_the_port_of_the_command(
    monkeypatch: pytest.MonkeyPatch, command: str, variable: str, port: int
) -> None:
    environment = DEVELOPMENT | {"LITESTAR_PORT": variable}
    assert own_port(command.split(" "), environment) == port
    monkeypatch.setattr(sys, "argv", command.split(" "))
    assert read_settings(environment).base_url == f"http://localhost:{port}"


def test_the_port_does_not_count_with_a_base_url_or_outside_of_development(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["litestar", "run", "--port", "8001"])
    own = {"BASE_URL": "https://service.example"}
    assert read_settings(DEVELOPMENT | own).base_url == "https://service.example"
    assert read_settings(DEVELOPMENT | {"ENVIRONMENT": "test"}).base_url == "http://localhost:8000"


@pytest.mark.parametrize(
    ("base_url", "line"),
    [
        ("http://localhost:8001", "Links in mails lead to http://localhost:8001"),
        ("https://service.example", "Links in mails lead to https://service.example"),
        ("http://localhost:8000", "Links in mails lead to http://localhost:8000 (BASE_URL), but the service "),
        ("http://127.0.0.1:8000", "Links in mails lead to http://127.0.0.1:8000 (BASE_URL), but the service "),
    ],
)
def test_the_log_says_where_links_lead(
    settings: Settings, caplog: pytest.LogCaptureFixture, base_url: str, line: str
) -> None:
    caplog.set_level(logging.INFO, "app")
    log_address(settings.model_copy(update={"base_url": base_url}), 8001)
    [record] = caplog.records
    assert record.getMessage().startswith(line)
    assert (record.levelno == logging.WARNING) == ("but the service" in line)


@pytest.mark.parametrize(("environment", "lines"), [(Environment.DEVELOPMENT, 1), (Environment.PRODUCTION, 0)])
async def test_it_says_so_in_development_alone(
    settings: Settings, caplog: pytest.LogCaptureFixture, environment: Environment, lines: int
) -> None:
    caplog.set_level(logging.INFO, "app.operations.link_address")
    async with logging_link_address(service_with(settings.model_copy(update={"environment": environment}))):
        pass
    assert len(caplog.records) == lines
