"""How many files of `app` a request runs through: a reader of the service has to follow them."""

import json

import pytest

from tests.conftest import REPOSITORY
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

EMAIL, PASSWORD = "grace@example.com", "correct horse battery staple 9"
# Lower them when a request gets simpler. A feature that raises them needs a reason.
# Each has one more for the guard that closes routes to access tokens, and one for late bodies. Second factors added
# four to a sign-in: its two steps, which factors there are, and their settings.
# On a busy machine a mail may leave meanwhile, which is one more.
MAX_FILES = {"POST /login": 37, "GET /users/me": 23}

BACKENDS = {"session": "SessionBackend", "jwt": "JWTBackend", "jwt_cookie": "JWTCookieBackend"}
SHOW_STATEMENT = """
from app.auth import {0}
from app.auth.litestar_backend import _query_for

print(_query_for({0}.{1}.condition).read.text)
"""


@pytest.mark.parametrize("auth_backend", ["session", "jwt"])
def test_a_request_runs_through_few_files(auth_backend: str, bake: Bake, tools: Tools) -> None:
    project = Project(bake(auth_backend=auth_backend), tools)
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", EMAIL, stdin=f"{PASSWORD}\n")

    shown = project.run("python", str(REPOSITORY / "tools/request_path.py"), EMAIL, PASSWORD)

    files = json.loads(shown.splitlines()[-1])
    for request, most in MAX_FILES.items():
        assert len(files[request]) <= most, files[request]


@pytest.mark.parametrize("auth_backend", BACKENDS)
def test_the_guide_shows_the_statement_that_finds_the_signed_in_user(
    auth_backend: str, bake: Bake, tools: Tools
) -> None:
    project = Project(bake(auth_backend=auth_backend), tools)
    lines = project.read("docs/architecture.md").partition("```sql\n")[2].partition("```")[0].splitlines()

    statement = " ".join(
        project.run("python", "-c", SHOW_STATEMENT.format(auth_backend, BACKENDS[auth_backend])).split()
    )

    assert [line for line in lines if "..." not in line and line not in statement] == []
    assert any(line.startswith("WHERE") for line in lines)
