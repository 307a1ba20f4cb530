"""`make resource` adds what works at once, or nothing."""

import re
import shutil
from pathlib import Path

import pytest

from tests.combinations import Combination
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

EVERY_TYPE = ("str", "text", "int", "float", "bool", "Decimal", "date", "datetime", "UUID")
FIELDS = " ".join(f"a_{kind.lower()}:{kind} some_{kind.lower()}:{kind}?" for kind in EVERY_TYPE)
# The longest name, so lines are as long as they get.
LONGEST = "customer_subscription_invoices"
COMBINATIONS = [
    Combination("session", include_rbac=True, include_oauth=True, include_pages=True),
    Combination("jwt", include_rbac=False, include_oauth=False, include_pages=False),
    Combination("jwt_cookie", include_rbac=False, include_oauth=True, include_pages=False),
]
# Those that see each route, each table and each list.
TESTS = ["tests/test_authorization.py", "tests/test_openapi.py", "tests/test_migrations.py", "tests/test_checklist.py"]
REFUSED = {
    "": "Say what the rows are called: make resource name=invoices",
    "invoice": "`invoice` does not look like a plural",
    "status": "`status` does not look like a plural",
    "Invoices": "`Invoices` cannot be a name",
    "an_s" * 10: "cannot be a name: use up to 30 letters",
    "classes": "`class` is a keyword of Python",
    "orders": "`order` is a reserved word of SQL",
    "inputs": "`input` is a function of Python",
    "users": "`user` is a reserved word of SQL",
    "repositories": "app/repositories.py exists already, so nothing has changed.",
    "accounts": "app/accounts exists already",
    "notes": "app/notes exists already",
    "user_sessions": "app/models.py has a table or a body called `user_session`",
    "addresses": "app/accounts/schemas.py has a table or a body called `address`",
    "register singular=registration_form": "has a route at /register",
    "requests": "`request` is a name that the generated code uses for something else",
    "parameters": "`Parameter` is a name that the generated code uses for something else",
    "sheep singular=sheep": "is both the plural and the singular. Choose two names that differ.",
    "invoices title": "`title` has no type. Write it as `title:str`, or `title:str?` if it may be empty.",
    "invoices title:varchar": "`title:varchar` has an unknown type. The types are str, text, int,",
    "invoices title:str title:text": "The field `title` is given twice.",
    "invoices id:int": "`id` is there already",
    "invoices created_at:datetime": "`created_at` is there already",
    "invoices user_id:UUID": "`user_id` is there already",
    "invoices metadata:str": "`metadata` is there already",
    "invoices limit:int": "`limit` is a reserved word of SQL",
    "invoices from:date": "`from` is a keyword of Python",
    "invoices str:str": "`str` is a name that the generated code uses for something else",
    "invoices date:date": "`date` is a name that the generated code uses for something else",
    "invoices title-x:str": "`title-x` cannot be a name",
}


def contents(project: Project) -> dict[str, bytes]:
    """The files of the project that git would see."""
    names = project.run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    return {name: (project.folder / name).read_bytes() for name in names if (project.folder / name).exists()}


@pytest.fixture
def project(bake: Bake, tools: Tools, tmp_path: Path, request: pytest.FixtureRequest) -> Project:
    """A project with a database."""
    combination: Combination = getattr(request, "param", COMBINATIONS[0])
    made = Project(shutil.copytree(bake(**combination.answers), tmp_path / "my-service"), tools)
    made.run("git", "init", "--quiet")
    made.run("alembic", "upgrade", "head")
    return made


@pytest.mark.parametrize("project", COMBINATIONS, indirect=True, ids=str)
def test_what_it_adds_passes_every_check_and_its_tests(project: Project) -> None:
    said = project.run("make", "resource", f"name={LONGEST}", f"fields={FIELDS}")
    added = contents(project)
    again = project.attempt("make", "resource", f"name={LONGEST}", f"fields={FIELDS}")

    assert f"app/{LONGEST}, tests/{LONGEST} and migrations/versions/" in said
    assert again.returncode != 0
    assert f"app/{LONGEST} exists already, so nothing has changed. Choose another name." in again.stderr
    assert contents(project) == added
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "check")
    project.run("make", "check")
    roles = ["tests/rbac/test_authorization.py"] if "app/permissions.py" in added else []
    project.run("pytest", "-q", f"tests/{LONGEST}", *TESTS, *roles)
    project.run("alembic", "downgrade", "0003")


def test_two_resources_and_none_of_the_example(project: Project) -> None:
    project.run("make", "remove-example")
    project.run("python", "scripts/new_resource.py", "people", "singular=person", "name:str", "type:str?", "day:date?")
    project.run("python", "scripts/new_resource.py", "companies")

    assert "def read_company(" in project.read("app/companies/routes.py")
    project.run("make", "check")
    project.run("pytest", "-q", "tests/people", "tests/companies", *TESTS)


def test_what_cannot_be_added_is_refused_in_a_line_and_nothing_changes(project: Project) -> None:
    before = contents(project)
    for typed, line in REFUSED.items():
        tried = project.attempt("python", "scripts/new_resource.py", *typed.split())

        assert (typed, tried.returncode) == (typed, 1)
        assert line in tried.stderr, typed
        assert len(tried.stderr.splitlines()) == 1, tried.stderr
    assert contents(project) == before


def test_what_cannot_be_finished_is_undone(project: Project) -> None:
    def refuse(says: str, **environment: str) -> None:
        before = contents(project)
        tried = project.attempt("python", "scripts/new_resource.py", "invoices", **environment)
        assert tried.returncode == 1
        assert says in tried.stderr
        assert "Traceback" not in tried.stderr
        assert contents(project) == before

    refuse("alembic upgrade failed, so nothing has changed", DATABASE_URL="postgresql://nobody@localhost:1/none")
    script = project.read("migrations/script.py.mako")
    (project.folder / "migrations/script.py.mako").write_text("${1 / 0}", encoding="utf-8")
    refuse("alembic revision failed, so nothing has changed")
    (project.folder / "migrations/script.py.mako").write_text(script, encoding="utf-8")
    asgi = project.read("app/asgi.py")
    project.replace("app/asgi.py", "            *health.ROUTES,\n", "            *health.ROUTES[:],\n")
    refuse("app/asgi.py has no line with `*health.ROUTES,`, which scripts/resource/edits.toml needs.")
    (project.folder / "app/asgi.py").write_text(asgi, encoding="utf-8")
    project.replace("app/notes/models.py", "TITLE_MAX_LENGTH = 200", "TITLE_MAX_LENGTH = 201")
    refuse("The models have changes without a revision. Write it first: make migration m=...")
    project.replace("app/notes/models.py", "TITLE_MAX_LENGTH = 201", "TITLE_MAX_LENGTH = 200")

    (project.folder / "README.md").write_text("# Ours\n", encoding="utf-8")
    said = project.run("python", "scripts/new_resource.py", "invoices")
    assert "README.md" not in said
    assert re.search(r"^            \*invoices\.ROUTES,$", project.read("app/asgi.py"), re.MULTILINE)
