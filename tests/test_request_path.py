"""How many files of `app` a request runs through: a reader of the service has to follow them."""

import json

import pytest

from tests.conftest import REPOSITORY
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

EMAIL, PASSWORD = "grace@example.com", "correct horse battery staple 9"
# Lower them when a request gets simpler. A feature that raises them needs a reason.
MAX_FILES = {"POST /login": 30, "GET /users/me": 21}


@pytest.mark.parametrize("auth_backend", ["session", "jwt"])
def test_a_request_runs_through_few_files(auth_backend: str, bake: Bake, tools: Tools) -> None:
    project = Project(bake(auth_backend=auth_backend), tools)
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", EMAIL, stdin=f"{PASSWORD}\n")

    shown = project.run("python", str(REPOSITORY / "tools/request_path.py"), EMAIL, PASSWORD)

    files = json.loads(shown.splitlines()[-1])
    for request, most in MAX_FILES.items():
        assert len(files[request]) <= most, files[request]
