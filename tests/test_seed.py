"""Every form in the seed, the document that the project was created from, works in a generated project."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Bake
from tests.projects import Project
from tests.projects import Tools
from tests.server import serving

EMAIL = "grace@example.com"
PASSWORD = "correct horse battery staple"  # noqa: S105 - opens nothing but a service that lives for a minute
SEED_IMPORTS = "from sqlalchemy import DateTime, Integer, func, text\n"
IMPORTS = "import sqlalchemy as sa\nfrom alembic import op\n\n"
# On a table with rows, a NOT NULL column of the seed's needs a value for those that exist.
COUNT_COLUMN = 'token_count: Mapped[int] = mapped_column(Integer(), default=0, server_default=text("0"))'
DATE_COLUMN = (
    "reviewed_at: Mapped[datetime] = mapped_column(DateTime(), default=datetime.now, server_default=func.now())"
)
PRINT_FACTS = """
import json
from advanced_alchemy.base import UUIDBase, orm_registry
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from litestar_users import LitestarUsersPlugin
from litestar_users.mixins import SQLAlchemyOAuthAccountMixin, SQLAlchemyRoleMixin, SQLAlchemyUserMixin
from sqlalchemy import Table
from app import models, repositories
from app.asgi import create_app

config = create_app().plugins.get(LitestarUsersPlugin)._config
print(json.dumps({
    "user": issubclass(models.User, (UUIDBase, SQLAlchemyUserMixin)),
    "role": issubclass(models.Role, (UUIDBase, SQLAlchemyRoleMixin)),
    "oauth account": issubclass(models.OAuthAccount, (UUIDBase, SQLAlchemyOAuthAccountMixin)),
    "core table": type(models.user_role) is Table and models.user_role.metadata is orm_registry.metadata,
    "tables": sorted({"user", "role", "user_role", "oauth_account"} & set(orm_registry.metadata.tables)),
    "cascades": sorted(
        f"{key.parent.table.name}.{key.parent.name} {key.ondelete}"
        for table in orm_registry.metadata.sorted_tables for key in table.foreign_keys
        if table.name in {"user_role", "oauth_account"}
    ),
    "relationships": sorted({"roles", "oauth_accounts"} & set(models.User.__mapper__.relationships.keys())),
    "repositories": {
        name: [issubclass(kind, SQLAlchemyAsyncRepository), kind.model_type.__name__]
        for name, kind in vars(repositories).items()
        if isinstance(kind, type) and kind.__module__ == "app.repositories"
    },
    "handed over": [
        config.user_repository_class.__name__,
        config.oauth_account_repository_class.__name__,
        config.role_management_handler_config.role_repository_class.__name__,
    ],
}))
"""


@pytest.fixture(scope="module")
def everything(bake: Bake, tools: Tools) -> Project:
    """A project with everything on, whose database has a user and an administrator."""
    project = Project(bake(project_slug="seeded", include_rbac=True, include_oauth=True), tools)
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", EMAIL, stdin=f"{PASSWORD}\n")
    project.run("litestar", "users", "create-admin", "--email", "ada@example.com", stdin=f"{PASSWORD}\n")
    return project


@pytest.fixture(scope="module")
def extended(everything: Project) -> Project:
    """That project after its owner has added the seed's columns and written a revision."""
    add_column(everything, "User", COUNT_COLUMN)
    add_column(everything, "Role", DATE_COLUMN)
    everything.run("make", "migration", "m=seed columns")
    return everything


@pytest.fixture(scope="module")
def migrated(extended: Project) -> Project:
    """That project after the revision has run on the rows that were there."""
    extended.run("alembic", "upgrade", "head")
    return extended


@pytest.fixture(scope="module")
def visitor(migrated: Project) -> Iterator[httpx.Client]:
    """A browser at the service, which shows the new column to its users."""
    migrated.replace("app/accounts/schemas.py", 'READABLE = {"id", ', 'READABLE = {"token_count", "id", ')
    with serving(migrated) as server, httpx.Client(base_url=server.url) as client:
        yield client


def add_column(project: Project, model: str, column: str) -> None:
    """Adds a line to a model, as the seed shows it."""
    table = f'    __tablename__ = "{model.lower()}"\n'
    project.replace("app/models.py", table, f"{table}\n    {column}\n")
    if SEED_IMPORTS not in project.read("app/models.py"):
        project.replace("app/models.py", "import sqlalchemy as sa\n", f"import sqlalchemy as sa\n{SEED_IMPORTS}")


def newest_revision(project: Project) -> Path:
    """The file that Alembic wrote."""
    [written] = set((project.folder / "migrations" / "versions").glob("*_seed_columns.py"))
    return written


def test_names_of_the_seed_are_there_and_handed_to_litestar_users(bake: Bake, tools: Tools) -> None:
    project = Project(bake(include_rbac=True, include_oauth=True), tools)

    assert json.loads(
        project.run("python", "-c", PRINT_FACTS, DATABASE_URL="postgresql://nobody@localhost:1/none")
    ) == {
        "user": True,
        "role": True,
        "oauth account": True,
        "core table": True,
        "tables": ["oauth_account", "role", "user", "user_role"],
        "cascades": ["oauth_account.user_id CASCADE", "user_role.role_id CASCADE", "user_role.user_id CASCADE"],
        "relationships": ["oauth_accounts", "roles"],
        "repositories": {
            "UserRepository": [True, "User"],
            "RoleRepository": [True, "Role"],
            "OAuthAccountRepository": [True, "OAuthAccount"],
        },
        "handed over": ["UserRepository", "OAuthAccountRepository", "RoleRepository"],
    }


def test_autogenerated_revision_is_plain_sqlalchemy_and_formatted(extended: Project) -> None:
    revision = newest_revision(extended)
    text = revision.read_text(encoding="utf-8")

    assert 'sa.Column("token_count", sa.Integer(), server_default=sa.text("0"), nullable=False)' in text
    assert 'sa.Column("reviewed_at", sa.DateTime(), server_default=sa.text("now()"), nullable=False)' in text
    assert "advanced_alchemy" not in text
    extended.run("ruff", "format", "--check", str(revision))
    extended.run("ruff", "check", str(revision))


def test_it_runs_on_the_rows_that_are_there_and_leaves_nothing_to_migrate(migrated: Project) -> None:
    assert "No new upgrade operations detected" in migrated.run("alembic", "check")


def test_old_and_new_users_have_the_column_over_http(visitor: httpx.Client) -> None:
    assert visitor.post("/register", json={"email": "mallory@example.com", "password": PASSWORD}).is_success
    credentials = {"email": EMAIL, "password": PASSWORD}

    assert visitor.post("/login", json=credentials).json()["token_count"] == 0
    assert visitor.get("/users/me").json()["token_count"] == 0


def test_users_cannot_change_the_column_that_they_can_read(visitor: httpx.Client) -> None:
    assert visitor.post("/login", json={"email": EMAIL, "password": PASSWORD}).is_success

    assert visitor.patch("/users/me", json={"token_count": 1000}).is_client_error
    assert visitor.get("/users/me").json()["token_count"] == 0


def test_new_role_has_the_column(visitor: httpx.Client) -> None:
    assert visitor.post("/login", json={"email": "ada@example.com", "password": PASSWORD}).is_success

    role = {"name": "reader", "description": "Reads.", "permissions": ["roles:read"]}
    assert visitor.post("/users/roles", json=role).is_success


def test_column_without_a_default_is_refused_and_the_version_stays(bake: Bake, tools: Tools) -> None:
    project = Project(bake(project_slug="bare", include_rbac=False, include_oauth=False), tools)
    project.run("alembic", "upgrade", "head")
    project.run("litestar", "users", "create-user", "--email", EMAIL, stdin=f"{PASSWORD}\n")
    before = project.run("alembic", "current").split()[0]
    project.run("alembic", "revision", "-m", "by hand")
    [revision] = (project.folder / "migrations" / "versions").glob("*_by_hand.py")
    column = 'op.add_column("user", sa.Column("token_count", sa.Integer(), nullable=False))'
    written = revision.read_text(encoding="utf-8").replace("revision =", f"{IMPORTS}revision =", 1)
    does_nothing = '"""Apply this revision."""'
    assert does_nothing in written
    revision.write_text(written.replace(does_nothing, f"{does_nothing}\n    {column}"), encoding="utf-8")

    assert project.attempt("alembic", "upgrade", "head").returncode != 0
    assert project.run("alembic", "current").split()[0] == before

    revision.unlink()
    add_column(project, "User", "token_count: Mapped[int] = mapped_column(Integer())")
    refused = project.attempt("alembic", "revision", "--autogenerate", "-m", "seed columns")
    assert refused.returncode != 0
    assert "user.token_count needs a value for the rows that exist" in refused.stderr
    assert "Traceback" not in refused.stderr


# Lines of the service, and what the seed writes in their place.
FORMS = {
    "primary_key=True, index=True),\n)": "primary_key=True),\n)",
    'orm.relationship(secondary=user_role, lazy="selectin", passive_deletes=True)': (
        'orm.relationship(secondary="user_role", lazy="selectin")'
    ),
    'orm.relationship(lazy="raise", passive_deletes=True)': 'orm.relationship(OAuthAccount, lazy="selectin")',
}
CREATED = "    created_at: Mapped[datetime] = mapped_column(default=clock.now, server_default=sa.func.now())\n"
NAIVE = "    created_at: Mapped[datetime] = mapped_column(sa.DateTime(), default=datetime.now)\n"
LITERAL_KEY = 'user_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("user.id"))  # type: ignore[assignment]'


def test_other_forms_of_the_seed_work_and_a_test_says_what_an_index_is_for(
    bake: Bake, tools: Tools, open_folder: Path
) -> None:
    project = Project(shutil.copytree(bake(include_rbac=True, include_oauth=True), open_folder / "my-service"), tools)
    project.run("alembic", "upgrade", "head")
    for ours, theirs in FORMS.items():
        project.replace("app/models.py", ours, theirs)
    models = project.read("app/models.py")
    (project.folder / "app/models.py").write_text(models.replace(CREATED, NAIVE, 1), encoding="utf-8")

    project.run("alembic", "revision", "--autogenerate", "-m", "seed columns")
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "check")

    project.run(
        "pytest", "-q", "tests/rbac/test_roles.py", "tests/oauth/test_sign_in.py", "tests/oauth/test_unlinking.py"
    )
    tried = project.attempt("pytest", "-q", "tests/test_migrations.py", "-k", "foreign_key")
    assert "user_role.role_id: add index=True, or each deletion reads the whole table" in tried.stdout


def test_the_foreign_key_of_the_seed_is_refused_before_a_revision_and_at_start(
    bake: Bake, tools: Tools, open_folder: Path
) -> None:
    project = Project(shutil.copytree(bake(include_rbac=True, include_oauth=True), open_folder / "my-service"), tools)
    project.run("alembic", "upgrade", "head")
    models = project.read("app/models.py")
    begin = models.index("    user_id: Mapped[UUID]", models.index("class OAuthAccount("))
    end = models.index("    )\n", begin) + len("    )\n")
    changed = f"{models[:begin]}    {LITERAL_KEY}\n{models[end:]}"
    (project.folder / "app/models.py").write_text(changed, encoding="utf-8")

    revisions = [*project.folder.glob("migrations/versions/*.py")]
    for command in (
        ("alembic", "revision", "--autogenerate", "-m", "the key of the seed"),
        ("litestar", "users", "create-user", "--email", EMAIL),
    ):
        refused = project.attempt(*command, stdin=f"{PASSWORD}\n")

        assert refused.returncode != 0
        assert "OAuthAccount.user_id needs ForeignKey(" in refused.stderr + refused.stdout
        assert "Traceback" not in refused.stderr
    assert [*project.folder.glob("migrations/versions/*.py")] == revisions
