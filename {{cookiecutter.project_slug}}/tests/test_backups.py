"""The commands of docs/backups.md: what is dumped and restored is all there, and nothing that had ended works again."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.database import embedded_postgres
from app.settings import PROJECT_ROOT
from app.settings import Settings
from tests.access_tokens.program import make
from tests.cast import Person
from tests.other_services import another_stage
from tests.tables import make_database
from tests.tables import read_all
from tests.test_embedded_postgres import run

PAGE = (PROJECT_ROOT / "docs/backups.md").read_text("utf-8")
DUMP, RESTORE, FORGET, MOVE, MOVE_AS_TEXT, RESTORE_TEXT = re.findall("```console\n(.*?)```", PAGE, re.DOTALL)
FORGOTTEN = ("user_session", "access_token", "one_time_token", "outgoing_mail")


@pytest.fixture
async def restored(settings: Settings) -> Settings:
    """An empty database to restore into."""
    name = f"{name_of(settings)}_restored"
    await make_database(embedded_postgres.url(), name)
    return settings.model_copy(update={"database_url": SecretStr(embedded_postgres.url(name))})


@pytest.fixture
async def reader(visitor: Person) -> Person:
    """A person with a row in every table."""
    await visitor.register()
    await visitor.verify()
    await visitor.sign_in()
    assert (await make(visitor)).status_code == 201
    await visitor.post("/forgot-password", email=visitor.email)
    return visitor


def name_of(settings: Settings) -> str:
    """What its database is called."""
    assert settings.database_url is not None
    return settings.database_url.get_secret_value().partition("?")[0].rpartition("/")[2]


def follow(command: str, folder: Path, before: Settings, after: Settings) -> None:
    """Type it, with the programs that are as new as the server."""
    server = embedded_postgres.server()
    environment = {
        "PATH": f"{server.bin_path}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": server.get_uri(database=name_of(before)),
        "NEW_DATABASE_URL": server.get_uri(database=name_of(after)),
    }
    subprocess.run(command, shell=True, cwd=folder, env=os.environ | environment, check=True)  # noqa: S602  # as typed


async def test_what_is_dumped_and_restored_is_all_there(
    reader: Person, settings: Settings, restored: Settings, tmp_path: Path
) -> None:
    follow(DUMP, tmp_path, settings, restored)
    follow(RESTORE, tmp_path, settings, restored)
    rows = await read_all(settings)
    assert all(rows[name] for name in ("user", "user_session", "access_token", "one_time_token", "audit_event"))
    assert await read_all(restored) == rows
    async with another_stage(restored) as stage:
        assert (await stage.person("visitor").get("/health/ready")).status_code == 200
        assert (await stage.copy_of(reader).get("/users/me")).status_code == 200


@pytest.mark.checklist("L04")
async def test_what_had_ended_since_can_be_ended_again(
    reader: Person, settings: Settings, restored: Settings, tmp_path: Path
) -> None:
    for command in (DUMP, RESTORE, FORGET):
        follow(command, tmp_path, settings, restored)
    rows = await read_all(restored)
    assert not any(rows[name] for name in FORGOTTEN)
    assert rows["user"] == (await read_all(settings))["user"]
    async with another_stage(restored) as stage:
        assert (await stage.copy_of(reader).get("/users/me")).status_code == 401


async def test_what_is_dumped_as_text_is_all_there(
    reader: Person, settings: Settings, restored: Settings, tmp_path: Path
) -> None:
    as_text = DUMP.replace("--format=custom", "--format=plain").replace("accounts.dump", "accounts.sql")
    for command in (as_text, RESTORE_TEXT):
        follow(command, tmp_path, settings, restored)
    rows = await read_all(restored)
    assert rows == await read_all(settings)
    assert reader.email in {row["email"] for row in rows["user"]}


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize(("command", "begins"), [(MOVE, b"PGDMP"), (MOVE_AS_TEXT, b"--")], ids=["custom", "text"])
def test_what_is_on_the_desk_can_be_dumped(tmp_path: Path, command: str, begins: bytes) -> None:
    *words, file = command.split()
    assert run(*words[5:], str(tmp_path / file)).returncode == 0
    assert (tmp_path / file).read_bytes().startswith(begins)
