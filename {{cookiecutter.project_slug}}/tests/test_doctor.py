"""`litestar doctor`: each fault is found, with its setting and what to do; nothing is found where nothing is."""

import json
import re
from datetime import timedelta
from time import time
from types import SimpleNamespace
from typing import Any

import pytest
from anyio import to_thread
from argon2 import PasswordHasher
from click.testing import CliRunner
from click.testing import Result
from pydantic import SecretStr

from app import clock
from app.accounts.secret_keys import note_key
from app.asgi import create_app
from app.operations.doctor import doctor
from app.operations.health import migrations
from app.settings import Environment
from app.settings import Settings
from tests.cast import Stage
from tests.key_steps import STEPS
from tests.other_services import ALLOWED
from tests.other_services import DATABASE_AWAY
from tests.tables import Tables

PRODUCTION = {"environment": Environment.PRODUCTION}
MAIL = """
    INSERT INTO outgoing_mail (id, letter, recipient, next_attempt_at)
    VALUES (gen_random_uuid(), 'verify', 'grace@example.com', {})
"""
INDEX = "ix_user_session_expires_at"


async def ask(settings: Settings, *words: str) -> Result:
    """Run it, with an application of its own."""
    environment = SimpleNamespace(app=create_app(settings))
    return await to_thread.run_sync(lambda: CliRunner().invoke(doctor, words, obj=environment))


async def found(settings: Settings, level: str) -> list[str]:
    """What it is about that is as bad as that."""
    said = await ask(settings, "--json")
    findings: list[dict[str, Any]] = json.loads(said.output)
    assert said.exit_code == any(finding["level"] == "error" for finding in findings)
    # Every finding that is not ok says how to fix it.
    assert all(finding["fix"] for finding in findings if finding["level"] != "ok")
    return [finding["about"] for finding in findings if finding["level"] == level]


@pytest.mark.usefixtures("tables")
async def test_it_finds_nothing_where_nothing_is(settings: Settings) -> None:
    said = await ask(settings)
    assert said.exit_code == 0, said.output
    assert {line.split()[0] for line in said.output.splitlines()} == {"ok"}


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("changes", "about"),
    [
        (DATABASE_AWAY, "DATABASE_URL"),
        ({"base_url": "http://service.example"}, "BASE_URL"),
        ({"trusted_proxies": ("0.0.0.0/0",)}, "TRUSTED_PROXIES"),
        ({"mail_url": SecretStr("smtp://127.0.0.1:1")}, "MAIL_URL"),
        ({"database_pool_size": 1_000}, "DATABASE_POOL_SIZE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_setting_that_cannot_work_is_an_error(settings: Settings, changes: dict[str, Any], about: str) -> None:
    assert await found(Settings(**{**vars(settings), **ALLOWED, **changes}), "error") == [about]


@pytest.mark.parametrize(
    ("change", "undo", "about"),
    [
        ("DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('HEAD')", "migrations"),
        ("ALTER TABLE alembic_version RENAME TO a", "ALTER TABLE a RENAME TO alembic_version", "migrations"),
        (f"ALTER INDEX {INDEX} RENAME TO a", f"ALTER INDEX a RENAME TO {INDEX}", "indexes"),
    ],
    ids=["older", "missing", "index"],
)
async def test_tables_that_are_not_as_they_should_be_are_an_error(
    settings: Settings, tables: Tables, change: str, undo: str, about: str
) -> None:
    [head] = migrations()[0]
    await tables.execute(change)
    try:
        assert await found(settings, "error") == [about]
    finally:
        await tables.execute(undo.replace("HEAD", head))


async def test_a_mail_that_waits_for_too_long_is_an_error(settings: Settings, tables: Tables) -> None:
    await tables.execute(MAIL.format("now() - interval '1 hour'"))
    assert await found(settings, "error") == ["outbox"]


async def test_mails_that_were_given_up_are_a_warning(settings: Settings, tables: Tables) -> None:
    await tables.execute(MAIL.format("NULL"))
    await tables.execute("UPDATE outgoing_mail SET last_error = 'SMTPSenderRefused: (530, ...)'")
    assert (await found(settings, "warning"), await found(settings, "error")) == (["outbox"], [])


async def test_a_mail_whose_recipient_does_not_exist_is_no_finding(settings: Settings, tables: Tables) -> None:
    await tables.execute(MAIL.format("NULL"))
    await tables.execute("UPDATE outgoing_mail SET last_error = 'recipient: SMTPRecipientsRefused: ...'")
    assert await found(settings, "warning") == []


async def test_hashes_of_a_former_cost_are_a_warning(settings: Settings, stage: Stage, tables: Tables) -> None:
    await stage.verified("grace")
    await stage.verified("hopper")
    assert await found(settings, "warning") == []
    former = PasswordHasher(1, 128, 1).hash("a password")
    change = f"UPDATE \"user\" SET password_hash = '{former}' WHERE email LIKE 'grace%'"  # noqa: S608  # made above
    await tables.execute(change)
    said = await ask(settings)
    assert "Users with a hash of the cost $argon2id$v=19$m=128,t=1,p=1: 1." in said.output
    assert await found(settings, "warning") == ["HASH_*"]


@pytest.mark.checklist("C06")
@pytest.mark.parametrize(
    "stored",
    [
        "$argon2i$m=128,t=1,p=1$c2FsdHlzYWx0$ZGlnZXN0ZGlnZXN0ZGlnZXN0",
        "$2b$12$saltysaltysaltysaltysadigestdigestdigestdigestdigest0",
        "$pbkdf2-sha256$29000$c2FsdHlzYWx0$ZGlnZXN0",
        "$c2FsdHlzYWx0ZGlnZXN0",
    ],
)
async def test_no_part_of_a_salt_is_shown(settings: Settings, stage: Stage, tables: Tables, stored: str) -> None:
    await stage.verified("grace")
    await tables.execute(f"UPDATE \"user\" SET password_hash = '{stored}'")  # noqa: S608  # given above
    shown = (await ask(settings)).output
    assert not any(part in shown for part in ("salty", "c2FsdHlzYWx0", "ZGlnZXN0"))


@pytest.mark.usefixtures("tables")
async def test_a_machine_whose_clock_differs_from_the_databases_is_a_warning(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "machine_time", lambda: time() + 60)
    assert (await found(settings, "warning"), await found(settings, "error")) == (["clock"], [])


@pytest.mark.usefixtures("tables")
async def test_what_is_unwise_in_production_is_a_warning(settings: Settings) -> None:
    unwise = {**vars(settings), **ALLOWED, **PRODUCTION, "secret_key_previous": SecretStr("0123456789" * 4)}
    changed = Settings(**unwise | {"mail_url": SecretStr("smtp://127.0.0.1:1")})
    # The embedded PostgreSQL has no user but its superuser.
    assert await found(changed, "warning") == ["TRUSTED_PROXIES", "DATABASE_URL", "SECRET_KEY_PREVIOUS"]


@pytest.mark.checklist("F10")
async def test_it_says_which_step_of_replacing_the_key_is_taken(settings: Settings, instances: list[Stage]) -> None:
    said = []
    for stage, step in zip(instances, STEPS, strict=True):
        said += re.findall(r"SECRET_KEY_PREVIOUS: (Step \d)", (await ask(settings.model_copy(update=step))).output)
        # As each process does when it starts.
        assert await note_key(stage.app) == timedelta(days=1).total_seconds()
    assert said == ["Step 1", "Step 2"]


async def test_no_secret_is_shown(settings: Settings) -> None:
    changed = settings.model_copy(
        update={
            "database_url": SecretStr("postgresql://nobody:hidden-word@127.0.0.1:1/nothing"),
            "mail_url": SecretStr("smtp://somebody:hidden-word@127.0.0.1:1"),
        }
    )
    said = await ask(changed)
    assert said.exit_code == 1
    assert "hidden-word" not in said.output
