"""A service under supervisor from Debian, and its unit read by systemd."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from time import sleep

import httpx
import pytest

from tests.projects import Project
from tests.server import free_port
from tests_system.conftest import Generate
from tests_system.postgres import postgres
from tests_system.postgres import psql

PATIENCE_SECONDS = 60
WORKERS, COMPLETE = 2, "Application startup complete"
PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a secret key of the tests that opens nothing else",
    "BASE_URL": "https://service.example",
    "MAIL_URL": "smtp://127.0.0.1:1",
    "MAIL_FROM": "noreply@service.example",
}


@pytest.fixture(scope="module")
def project(generate: Generate) -> Project:
    """A service where its owner has put it."""
    return generate(include_rbac=False, include_oauth=False)


def installed(project: Project, name: str, port: int = 8000) -> str:
    """A file of `deploy`, for the place where the project is."""
    folder = f"/srv/{project.folder.name}"
    text = project.read(f"deploy/{name}").replace(f"{folder}/.venv/bin/python", sys.executable)
    assert "-m app.operations.serve --host 127.0.0.1 --port 8000 --workers 2" in text
    return text.replace(folder, str(project.folder)).replace("--port 8000", f"--port {port}")


def test_systemd_finds_no_fault_in_the_unit(project: Project, tmp_path: Path) -> None:
    unit = tmp_path / "my-service.service"
    unit.write_text(installed(project, "systemd/service.service"), "utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    # It also reads the units of the machine.
    assert [line for line in checked.stderr.splitlines() if unit.name in line] == []


@contextmanager
def supervised(project: Project, folder: Path, port: int, database: str) -> Iterator[Path]:
    """Supervisor with the service; the log of the service."""
    log = folder / "service.log"
    program = installed(project, "supervisor/service.conf", port).replace("user=nobody", f"stdout_logfile={log}")
    own = f"[supervisord]\nlogfile={folder}/supervisord.log\npidfile={folder}/supervisord.pid\n"
    (folder / "supervisord.conf").write_text(f"{own}{program}", "utf-8")
    process = subprocess.Popen(
        ["supervisord", "--nodaemon", "--configuration", folder / "supervisord.conf"],
        env=project.tools.environment | PRODUCTION | {"DATABASE_URL": database},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def test_supervisor_starts_the_service_restarts_it_and_stops_it_after_it_has_drained(
    project: Project, tmp_path: Path
) -> None:
    port = free_port()
    with postgres() as server:
        psql(f"{server}/postgres", "CREATE DATABASE service")
        database = f"{server}/service"
        project.run("alembic", "upgrade", "head", DATABASE_URL=database)
        with supervised(project, tmp_path, port, database) as log:
            wait_for(lambda: log.exists() and log.read_text("utf-8").count(COMPLETE) == WORKERS)
            [first] = started(log)
            os.kill(first, signal.SIGKILL)
            # The processes of the first have given the port back.
            wait_for(lambda: log.read_text("utf-8").count(COMPLETE) == 2 * WORKERS)
            assert httpx.get(f"http://127.0.0.1:{port}/health/ready").is_success
    printed = log.read_text("utf-8")
    assert printed.count("Draining for 5 seconds") == WORKERS
    supervisor = (tmp_path / "supervisord.log").read_text("utf-8")
    assert re.search(r"stopped: \S+ \(exit status 0\)", supervisor), supervisor


def started(log: Path) -> list[int]:
    """The parents that supervisor has started, by their ids."""
    lines = (log.parent / "supervisord.log").read_text("utf-8") if log.exists() else ""
    return [int(found) for found in re.findall(r"spawned: '\S+' with pid (\d+)", lines)]


def wait_for(look: Callable[[], bool]) -> None:
    """Return once `look` sees what it looks for."""
    deadline = monotonic() + PATIENCE_SECONDS
    while not look():
        assert monotonic() < deadline
        sleep(0.1)
