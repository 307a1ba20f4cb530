"""The guides about the database, done with PostgreSQL from Debian, which is older than the embedded one."""

import json
import re
import subprocess
from collections.abc import Iterator

import httpx
import pytest

from tests.guides import Statements
from tests.guides import steps
from tests.projects import Project
from tests.server import Server
from tests.server import serving
from tests_system.accounts import PASSWORD
from tests_system.accounts import post
from tests_system.accounts import register_and_verify
from tests_system.conftest import Generate
from tests_system.postgres import postgres
from tests_system.postgres import psql

COUNTS = 'SELECT (SELECT count(*) FROM "user"), (SELECT count(*) FROM audit_event)'


@pytest.fixture(scope="module")
def project(generate: Generate) -> Project:
    """A service, without tables yet."""
    return generate()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of another version than the embedded one."""
    with postgres() as url:
        yield url


def statements(project: Project, guide: str, heading: str) -> list[str]:
    """The blocks of SQL below a heading of a guide."""
    section = project.read(f"docs/{guide}").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = [step.text for step in steps(section) if isinstance(step, Statements)]
    assert found
    return found


def sign_in(service: Server, email: str) -> int:
    """The status of a sign-in."""
    return post(service, "/login", email=email, password=PASSWORD)


def test_the_embedded_database_moves_into_an_older_server(project: Project, server: str) -> None:
    guide = project.read("docs/backups.md").partition("## Into an older PostgreSQL")[2]
    dump, restore = re.findall("```console\n(.*?)```", guide, re.DOTALL)
    project.run("alembic", "upgrade", "head")
    with serving(project) as service:
        register_and_verify(service, "grace@example.com")
    psql(f"{server}/postgres", "CREATE DATABASE moved")
    url = f"{server}/moved"
    project.run("sh", "-ec", dump.removeprefix("uv run "))
    project.run("sh", "-ec", restore, NEW_DATABASE_URL=url)
    assert int(psql(url, "SHOW server_version_num")) < 170000, "older than the parameter that stands in the way"
    with serving(project, DATABASE_URL=url) as service:
        assert sign_in(service, "grace@example.com") == httpx.codes.CREATED
        assert httpx.get(f"{service.url}/health/ready").is_success
    assert "ok" in project.run("litestar", "doctor", DATABASE_URL=url)
    project.run("alembic", "check", DATABASE_URL=url)


def test_a_restore_that_fails_leaves_nothing(project: Project, server: str) -> None:
    guide = project.read("docs/backups.md").partition("## Into an older PostgreSQL")[2]
    _, restore = re.findall("```console\n(.*?)```", guide, re.DOTALL)
    (project.folder / "accounts.sql").write_text("CREATE TABLE a ();\nCREATE TABLE a ();\n", "utf-8")
    psql(f"{server}/postgres", "CREATE DATABASE untouched")
    assert project.attempt("sh", "-ec", restore, NEW_DATABASE_URL=f"{server}/untouched").returncode != 0
    assert psql(f"{server}/untouched", "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


def test_the_user_of_the_database_is_replaced_while_the_service_runs(project: Project, server: str) -> None:
    create, drop = statements(project, "secrets.md", "The passwords of the database and the mail server")
    psql(f"{server}/postgres", "CREATE ROLE service LOGIN", "CREATE DATABASE replaced OWNER service")
    admin = f"{server}/replaced"
    old, new = (admin.replace("postgres@", f"{user}@") for user in ("service", "service_new"))
    project.run("alembic", "upgrade", "head", DATABASE_URL=old)
    with serving(project, DATABASE_URL=old) as service:
        register_and_verify(service, "grace@example.com")
        psql(admin, *split(create))
        with serving(project, DATABASE_URL=new) as another:
            assert [sign_in(each, "grace@example.com") for each in (service, another)] == [201, 201]
            before = psql(admin, COUNTS)
            service.interrupt()
            psql(admin, *split(drop))
            assert psql(admin, COUNTS) == before
            assert sign_in(another, "grace@example.com") == httpx.codes.CREATED
    assert psql(admin, "SELECT count(*) FROM pg_roles WHERE rolname = 'service'") == "0"
    # Later migrations work, too.
    project.run("alembic", "downgrade", "-1", DATABASE_URL=new)
    project.run("alembic", "upgrade", "head", DATABASE_URL=new)
    psql(f"{server}/postgres", "DROP DATABASE replaced", "DROP ROLE service_new")


def test_the_service_runs_with_a_user_that_cannot_change_tables(project: Project, server: str) -> None:
    create, grant = statements(project, "deploy.md", "Separate users for migrations and for the service")
    psql(f"{server}/postgres", *split(create))
    admin = f"{server}/service"
    psql(admin, *split(grant))
    owner, runtime = (admin.replace("postgres@", f"{user}@") for user in ("service_owner", "service"))
    project.run("alembic", "upgrade", "head", DATABASE_URL=owner)
    with serving(project, DATABASE_URL=runtime) as service:
        register_and_verify(service, "grace@example.com")
        assert sign_in(service, "grace@example.com") == httpx.codes.CREATED
        assert httpx.get(f"{service.url}/health/ready").is_success
    found = json.loads(project.attempt("litestar", "doctor", "--json", DATABASE_URL=runtime).stdout)
    assert [finding for finding in found if finding["level"] == "error"] == []
    for forbidden in ('DROP TABLE "user"', "ALTER TABLE audit_event DISABLE TRIGGER ALL", "CREATE TABLE a ()"):
        assert subprocess.run(["psql", runtime, "-c", forbidden], capture_output=True, check=False).returncode != 0


def split(block: str) -> list[str]:
    """The statements of a block; psql would run several in one option in one transaction."""
    return [f"{statement};" for statement in block.strip().rstrip(";").split(";\n")]
