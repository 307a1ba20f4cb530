"""Columns of many types on users, added as an owner adds them: migrated, written, read, exported and removed."""

import shutil
from pathlib import Path

import pytest

from tests.combinations import Combination
from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools

CREATED = "    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())\n"
SOME_ID = "00000000-0000-4000-8000-000000000000"
# Name, annotation, arguments of mapped_column, and a value in SQL and in JSON.
COLUMNS = [
    ("price", "Decimal", "sa.Numeric(12, 2), default=0, server_default='0'", "1.50", "1.50"),
    ("ratio", "float", "sa.Float(), default=0, server_default='0'", "0.5", 0.5),
    ("precise", "float", "sa.Double(), default=0, server_default='0'", "0.25", 0.25),
    ("big", "int", "sa.BigInteger(), default=0, server_default='0'", "9007199254740993", 9007199254740993),
    ("small", "int", "sa.SmallInteger(), default=0, server_default='0'", "7", 7),
    ("flag", "bool", "default=False, server_default=sa.false()", "true", True),
    ("note", "str | None", "sa.Text()", "'a note'", "a note"),
    ("born", "date | None", "sa.Date()", "'2001-02-03'", "2001-02-03"),
    ("wakes", "time | None", "sa.Time()", "'06:30'", "06:30:00"),
    ("seen", "datetime | None", "sa.DateTime(timezone=True)", "'2001-02-03 04:05:06+00'", "2001-02-03T04:05:06Z"),
    ("rest", "timedelta | None", "sa.Interval()", "'90 minutes'", "PT5400S"),
    (
        "device",
        "UUID | None",
        "sa.Uuid()",
        f"'{'0' * 8}-0000-0000-0000-{'0' * 12}'",
        f"{'0' * 8}-0000-0000-0000-{'0' * 12}",
    ),
    ("facts", "dict[str, Any]", "JSONB, default=dict, server_default='{}'", """'{"a": [1]}'""", {"a": [1]}),
    ("labels", "list[str]", "sa.ARRAY(sa.String(20)), default=list, server_default='{}'", "'{a,b}'", ["a", "b"]),
    ("prices", "list[Decimal]", "sa.ARRAY(sa.Numeric(12, 2)), default=list, server_default='{}'", "'{1.50}'", ["1.50"]),
    ("size", "Size | None", "sa.Enum(Size)", "'SMALL'", "small"),
    ("doubled", "int | None", 'sa.Computed("small * 2")', None, 14),
]
IMPORTS = """from datetime import date
from datetime import datetime
from datetime import time
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
"""
SIZE = '''

class Size(StrEnum):
    """How large."""

    SMALL = "small"
    LARGE = "large"


'''
MANAGER = (
    '    manager_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)\n'
    '    manager: Mapped["User | None"] = orm.relationship(remote_side="User.id", lazy="selectin", post_update=True)\n'
)
# Two keys to users: the row belongs to one of them.
INTRODUCTION = '''

class Introduction(UUIDBase):
    """Somebody was introduced by somebody."""

    __tablename__ = "introduction"

    introduced_id: Mapped[UUID] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    introducer_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("user.id", ondelete="SET NULL"), index=True)
    text: Mapped[str] = mapped_column(sa.String(100))
'''
TEST = '''"""Ours."""

import json

from tests.cast import Person
from tests.tables import Tables

SQL = {sql!r}
EXPECTED = {expected!r}
INTRODUCE = """
    INSERT INTO introduction (id, introduced_id, introducer_id, text)
    SELECT gen_random_uuid(), one.id, other.id, one.email FROM "user" one, "user" other WHERE one.id <> other.id
"""


async def test_what_is_stored_is_read_and_exported(signed_in: Person, mallory: Person, tables: Tables) -> None:
    await mallory.register()
    await tables.execute(f"UPDATE \\"user\\" SET {{SQL}} WHERE email = '{{signed_in.email}}'")
    await tables.execute("UPDATE \\"user\\" SET manager_id = (SELECT id FROM \\"user\\" WHERE email LIKE 'grace%')")
    await tables.execute(INTRODUCE)
    assert (await signed_in.client.patch("/users/me", json={{"display_name": "Grace"}})).status_code == 200
    shown = (await signed_in.get("/users/me")).json()
    assert {{name: shown[name] for name in EXPECTED}} == EXPECTED
    exported = (await signed_in.get("/users/me/export")).json()
    assert {{name: exported["user"][name] for name in EXPECTED}} == EXPECTED
    assert [row["text"] for row in exported["introduction"]] == [signed_in.email]
    assert mallory.email not in json.dumps(exported)
'''


def add_columns(project: Project) -> None:
    """What an owner does to the models, the schemas and the tests."""
    lines = [f"    {name}: Mapped[{type_}] = mapped_column({arguments})\n" for name, type_, arguments, *_ in COLUMNS]
    before, user, after = project.read("app/models.py").partition("class User(")
    before = before.replace("from datetime import datetime\n", IMPORTS).replace("\n\n\n", SIZE, 1)
    after = after.replace(CREATED, "".join((CREATED, *lines, MANAGER)), 1)
    (project.folder / "app/models.py").write_text(before + user + after + INTRODUCTION, encoding="utf-8")
    names = ", ".join(f'"{name}"' for name, *_ in COLUMNS)
    project.replace("app/accounts/schemas.py", 'READABLE = {"id",', f'READABLE = {{"id", {names},')
    expected = {name: value for name, *_, value in COLUMNS}
    sql = ", ".join(f"{name} = {value}" for name, _, _, value, _ in COLUMNS if value)
    (project.folder / "tests/test_ours.py").write_text(TEST.format(sql=sql, expected=expected), encoding="utf-8")


@pytest.mark.parametrize("kind", ["session", "jwt"])
def test_columns_of_any_type_are_migrated_read_and_exported(
    kind: str, bake: Bake, tools: Tools, tmp_path: Path
) -> None:
    combination = Combination(kind, include_rbac=True, include_oauth=False, include_pages=False)
    project = Project(shutil.copytree(bake(**combination.answers), tmp_path / "my-service"), tools)
    add_columns(project)

    project.run("alembic", "upgrade", "head")
    project.run("alembic", "revision", "--autogenerate", "-m", "add columns")
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "check")
    project.run("pytest", "-q", "tests/test_ours.py", "tests/test_migrations.py", "tests/accounts/test_profile.py")
    project.run("alembic", "downgrade", "-1")


def test_a_revision_without_a_change_is_not_written(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(), tmp_path / "my-service"), tools)
    early = project.attempt("alembic", "revision", "--autogenerate", "-m", "early")
    assert "The tables are missing or old. First run: alembic upgrade head" in early.stderr
    project.run("alembic", "upgrade", "head")
    before = sorted((project.folder / "migrations/versions").glob("*.py"))

    tried = project.attempt("alembic", "revision", "--autogenerate", "-m", "nothing")

    assert tried.stderr.splitlines()[-1] == "Nothing has changed: the tables are as the models say."
    assert sorted((project.folder / "migrations/versions").glob("*.py")) == before
    project.run("alembic", "revision", "-m", "by hand")


def test_a_column_without_a_value_for_rows_that_exist_is_refused(bake: Bake, tools: Tools, tmp_path: Path) -> None:
    project = Project(shutil.copytree(bake(), tmp_path / "my-service"), tools)
    project.run("alembic", "upgrade", "head")
    # As the document that the template began with writes it.
    name = '    display_name: Mapped[str] = mapped_column(sa.String(100), default="", server_default="")\n'
    project.replace("app/models.py", name, f"{name}    token_count: Mapped[int] = mapped_column(sa.Integer())\n")

    tried = project.attempt("alembic", "revision", "--autogenerate", "-m", "count tokens")

    assert tried.returncode != 0
    [line] = [line for line in tried.stderr.splitlines() if "token_count" in line]
    assert "user.token_count needs a value for the rows that exist: give it server_default=..." in line
    assert "Traceback" not in tried.stderr
