"""The example that each project comes with goes with one command, and leaves nothing."""

import re
import shutil
from pathlib import Path

import pytest

from tests.combinations import Combination
from tests.conftest import REPOSITORY
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

WORDS = re.compile(r"\bnotes?\b(?!_)|\bNote\b|\bexample -->|# example", re.IGNORECASE)
# Where the word is a verb.
VERBS = re.compile(r"Note (that|the)|note_|\"\"\"Note|NoteTheCaller|(that|it) notes")
DIGESTS = """
import sys; sys.path.insert(0, "scripts")
from remove_example import digest, texts
print(*(digest(text) for _, text in texts()), sep="\\n")
"""
PSQL = ("python", "-m", "app.database.embedded_postgres", "psql", "--tuples-only", "--no-align")
OWN_TABLE = '''

class Invoice(UUIDBase):
    """Ours."""

    __tablename__ = "invoice"
'''


@pytest.mark.parametrize(
    "combination",
    [
        Combination("session", include_rbac=True, include_oauth=True, include_pages=True),
        Combination("jwt", include_rbac=False, include_oauth=False, include_pages=False),
    ],
    ids=str,
)
def test_it_goes_and_the_rest_works(combination: Combination, bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(**combination.answers), tmp_path / "my-service"), tools)
    assert "notes" in project.read("app/asgi.py")
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", "grace@example.com")
    token = ("--email", "grace@example.com", "--name", "backup", "--access", "read", "--expires-in-days", "1")
    project.run("litestar", "users", "create-token", *token)

    project.run("make", "remove-example")

    # A step back behind its revision would drop tables and columns that younger revisions have added.
    rows = "SELECT name FROM access_token; SELECT to_regclass('note') IS NULL"
    assert project.run(*PSQL, "--command", rows).split() == ["backup", "t"]

    left = [
        f"{path.relative_to(project.folder)}: {line}"
        for path in project.folder.rglob("*")
        if path.is_file() and path.suffix in {".py", ".md", ".toml", ""} and ".venv" not in path.parts
        for line in [path.name, *path.read_text(encoding="utf-8").splitlines()]
        if WORDS.search(VERBS.sub("", line))
    ]
    assert left == []
    project.run("make", "check")
    project.run("alembic", "check")
    project.run("pytest", "-q", "tests/test_authorization.py", "tests/test_migrations.py", "tests/test_openapi.py")


def test_the_digests_are_those_of_the_example(
    bake: Bake, template: Path, tools: Tools, pytestconfig: pytest.Config
) -> None:
    projects = [Project(bake(include_rbac=has_roles), tools) for has_roles in (True, False)]
    digests = sorted({line for project in projects for line in project.run("python", "-c", DIGESTS).splitlines()})

    name = "{{cookiecutter.project_slug}}/scripts/example.sha256"
    if pytestconfig.getoption("update_golden"):
        (REPOSITORY / name).write_text("".join(f"{line}\n" for line in digests), encoding="utf-8")
    else:
        wanted = "If the example has changed: pytest tests/test_example.py --update-golden"
        assert (template / name).read_text("utf-8").splitlines() == digests, wanted


CHANGED = {
    "app/notes/routes.py has changed": ("app/notes/routes.py", '"""Add a note."""', '"""Add one."""'),
    "app/notes/ours.py has changed": ("app/notes/ours.py", "", '"""Ours."""\n'),
    "app/asgi.py: *notes.ROUTES, *ours.ROUTES,  # example has changed": (
        "app/asgi.py",
        "*notes.ROUTES,  # example",
        "*notes.ROUTES, *ours.ROUTES,  # example",
    ),
    "app/ours.py uses it": ("app/ours.py", "", "from app.notes.models import Note\n"),
}


def test_what_its_owner_has_changed_is_not_lost(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(include_rbac=False), tmp_path / "my-service"), tools)
    for says, (name, old, new) in CHANGED.items():
        former = project.read(name) if old else None
        (project.folder / name).write_text((former or "").replace(old, new) if old else new, encoding="utf-8")

        tried = project.attempt("python", "scripts/remove_example.py")

        assert tried.returncode == 1
        assert tried.stderr.splitlines() == [
            "Nothing was removed, because you have changed or used the example:",
            says,
        ]
        if former is None:
            (project.folder / name).unlink()
        else:
            (project.folder / name).write_text(former, encoding="utf-8")
    assert (project.folder / "app/notes/models.py").exists()


def test_it_goes_without_a_table_of_its_owner(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(auth_backend="jwt"), tmp_path / "my-service"), tools)
    models = project.folder / "app" / "models.py"
    models.write_text(models.read_text("utf-8") + OWN_TABLE, encoding="utf-8")
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "revision", "--autogenerate", "-m", "add invoices")

    project.run("make", "remove-example")

    [dropping] = (project.folder / "migrations" / "versions").glob("*_remove_the_example.py")
    assert re.findall(r"op\.drop_table\(.*\)", dropping.read_text("utf-8").partition("def downgrade")[0]) == [
        'op.drop_table("note")'
    ]
    project.run("alembic", "check")
    project.run("alembic", "downgrade", "base")
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "check")
